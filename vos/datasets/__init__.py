"""Folders of the field's benchmarks as sequences.

DAVIS, YouTube-VOS, VIP, plain folders and a demo clip have masks; JHMDB, BADJA and TAP-Vid have
points. It imports masks, and no PyTorch.
"""
