"""A project of the page: its state, history and masks in a folder of plain files.

It imports masks, video, runtime and segmentation, and no PyTorch.
"""
