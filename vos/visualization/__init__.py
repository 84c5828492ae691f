"""Masks and maps drawn over frames: overlays, heat maps, sheets.

It imports masks.
"""
