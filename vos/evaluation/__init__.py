"""Scores of predicted masks: J, F and J&F.

It imports datasets and masks, and no PyTorch.
"""
