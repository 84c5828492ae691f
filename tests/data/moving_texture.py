"""A texture that moves behind a frame, and features that tell its patches apart."""

import cv2
import numpy as np
import torch
from torch import nn

from vos.backbones.backbone import Backbone
from vos.backbones.weights_record import WeightsRecord
from vos.propagation.config import PropagationConfig

PATCH = 8
HEIGHT, WIDTH, FRAMES = 96, 128, 10
CONFIG = PropagationConfig(short_side=0, neighborhood_radius=3, n_last_frames=3)
POINTS = np.array([[30.0, 40.0], [60.0, 30.0], [77.0, 61.0]])


class Filters(Backbone):
    """Features that tell a patch from the one beside it: random filters over wide patches."""

    def __init__(self):
        torch.manual_seed(0)
        network = nn.Conv2d(3, 64, 3 * PATCH, PATCH, padding=PATCH, padding_mode="reflect")
        record = WeightsRecord("filters", "test", None, "none")
        mean, std = (0.5,) * 3, (0.2,) * 3
        super().__init__(network, stride=PATCH, dim=64, mean=mean, std=std, record=record)

    def block_features(self, images, numbers):
        return [(self.network(images), None)]


def texture(seed=0):
    """A smooth field of colours, larger than a frame."""
    values = np.random.default_rng(seed).integers(0, 256, (14, 18, 3), np.uint8)
    return cv2.resize(values, (WIDTH + 80, HEIGHT + 60), interpolation=cv2.INTER_CUBIC)


def moving(speed=(2, 1), count=FRAMES, seed=0):
    """A window that slides over a texture: what is in it moves by -speed each frame."""
    ground = texture(seed)
    return [
        ground[20 + speed[1] * t :, 20 + speed[0] * t :][:HEIGHT, :WIDTH].copy()
        for t in range(count)
    ]


def truth(speed=(2, 1), count=FRAMES, first=0):
    """(N, T, 2): where the points given for a frame are in each."""
    times = np.arange(count) - first
    return POINTS[:, None] - times[None, :, None] * np.array(speed)


def queries(frame=0):
    return np.column_stack([np.full(len(POINTS), frame), POINTS])
