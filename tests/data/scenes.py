"""Moving squares, and a backbone whose features are their colours."""

import numpy as np
import torch
from torch import nn

from vos.backbones.backbone import Backbone
from vos.backbones.weights_record import WeightsRecord
from vos.propagation.config import PropagationConfig

HEIGHT, WIDTH, PATCH = 64, 96, 8


CONFIG = PropagationConfig(short_side=0, neighborhood_radius=3, n_last_frames=3)


class Colours(Backbone):
    """Features that a test can foresee: a patch's mean colour, spread over 16 channels."""

    def __init__(self):
        torch.manual_seed(0)
        record = WeightsRecord("colours", "test", None, "none")
        network = nn.Conv2d(3, 16, PATCH, PATCH, bias=False)
        mix = torch.randn(16, 3, 1, 1) / PATCH**2
        network.weight.data = mix.expand(16, 3, PATCH, PATCH).clone()
        super().__init__(
            network, stride=PATCH, dim=16, mean=(0.5,) * 3, std=(0.2,) * 3, record=record
        )

    def block_features(self, images, numbers):
        return [(self.network(images), None)]


class NoNetwork(Backbone):
    """A backbone whose stride alone matters: features come from elsewhere."""

    def __init__(self, stride):
        record = WeightsRecord("none", "test", None, "none")
        network = nn.Conv2d(3, 1, 1)
        super().__init__(
            network, stride=stride, dim=1, mean=(0.5,) * 3, std=(0.2,) * 3, record=record
        )

    def block_features(self, images, numbers):
        raise AssertionError("no features are computed here")


PALETTE = {0: (40, 90, 60), 7: (220, 30, 40), 254: (30, 60, 230), 3: (240, 230, 20)}


def scene(*boxes, seed=0, size=(HEIGHT, WIDTH)):
    """A picture with coloured boxes (id, top, left, bottom, right), and its true mask."""
    ids = np.zeros(size, np.uint8)
    for object_id, top, left, bottom, right in boxes:
        ids[top:bottom, left:right] = object_id
    image = np.zeros((*size, 3), np.float32)
    for object_id, colour in PALETTE.items():
        image[ids == object_id] = colour
    noise = np.random.default_rng(seed).normal(0, 3, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8), ids


def two(step, seed=None):
    """Object 7 drifting right, object 254 drifting left."""
    left, right = 8 + 2 * step, 72 - 2 * step
    return scene(
        (7, 8, left, 32, left + 24),
        (254, 40, right, 56, right + 16),
        seed=step if seed is None else seed,
    )
