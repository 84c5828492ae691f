"""Scores of predicted masks and points: J, F and J&F; IoU of parts; PCK; TAP-Vid.

It imports datasets and masks, and no PyTorch.
"""
