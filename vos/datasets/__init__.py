"""Folders of the field's benchmarks as sequences: DAVIS, YouTube-VOS, plain folders, a demo clip.

It imports masks, and no PyTorch.
"""
