"""Frozen feature extractors and their weights.

It imports runtime.
"""
