"""Rounds of corrections: the loop of interactive video segmentation, with simulated clicks.

It imports clicks, features and reporting.
"""
