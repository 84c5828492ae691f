"""Joints and points through videos: JHMDB, BADJA, TAP-Vid.

It imports features and reporting.
"""
