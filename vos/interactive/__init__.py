"""Masks of an object in one frame from clicks, a box and strokes, with frozen features.

It imports backbones, propagation and runtime.
"""
