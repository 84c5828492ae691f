"""A small made clip, a backbone that sees colours, and looks into a run's folder, for tests."""

import json

import cv2
import numpy as np
import torch
from torch import nn

from vos.backbones.backbone import Backbone
from vos.backbones.weights_record import WeightsRecord
from vos.masks.io import read_index_png
from vos.propagation.config import PropagationConfig
from vos.segmentation.options import OutputOptions

FRAMES, HEIGHT, WIDTH, PATCH = 8, 64, 96, 8
CONFIG = PropagationConfig(short_side=0, neighborhood_radius=4)
QUIET = OutputOptions(overlay=False)


class Colours(Backbone):
    """A patch's mean colour, spread over 8 channels."""

    def __init__(self):
        torch.manual_seed(0)
        network = nn.Conv2d(3, 8, PATCH, PATCH, bias=False)
        mix = torch.randn(8, 3, 1, 1) / PATCH**2
        network.weight.data = mix.expand(8, 3, PATCH, PATCH).clone()
        record = WeightsRecord("colours", "test", None, "none")
        super().__init__(
            network, stride=PATCH, dim=8, mean=(0.5,) * 3, std=(0.2,) * 3, record=record
        )

    def block_features(self, images, numbers):
        return [(self.network(images), None)]


def picture(number):
    """Frame `number`: object 3 drifts right, object 9 left, over a textured ground."""
    rng = np.random.default_rng(number)
    ids = np.zeros((HEIGHT, WIDTH), np.uint8)
    ids[8:32, 8 + 2 * number : 32 + 2 * number] = 3
    ids[36:60, 64 - 2 * number : 88 - 2 * number] = 9
    image = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    for object_id, colour in ((0, (40, 90, 60)), (3, (220, 30, 40)), (9, (30, 60, 230))):
        image[ids == object_id] = colour
    return np.clip(image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8), ids


def write_picture(path, image):
    cv2.imwrite(str(path), image[..., ::-1])


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def masks_of(out):
    return {path.stem: read_index_png(path) for path in sorted((out / "masks").iterdir())}


def assert_same_masks(one, two):
    one, two = masks_of(one), masks_of(two)
    assert one.keys() == two.keys()
    assert all(np.array_equal(one[name], two[name]) for name in one)


def iou(found, truth, object_id):
    ours, theirs = found == object_id, truth == object_id
    return (ours & theirs).sum() / (ours | theirs).sum()


def record_of(out):
    return json.loads((out / "run.json").read_text())


def stop_after(frames):
    def on_frame(done, _total):
        if done == frames:
            raise KeyboardInterrupt

    return on_frame
