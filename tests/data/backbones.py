"""Untrained backbones, and frames for them."""

import numpy as np

from vos.backbones.loading import load_backbone


def untrained(name, **options):
    return load_backbone(name, untrained=True, device="cpu", precision="fp32", **options)


def frame(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
