"""Clicks to a mask, as interactive segmentation is measured.

It imports features and reporting.
"""
