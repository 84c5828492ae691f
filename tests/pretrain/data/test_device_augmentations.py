"""Colours on a device against those of the workers and of Pillow."""

import math

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.speed.loader import crop_with_pillow
from pretrain.data.augmentations import (
    MEAN,
    STD,
    recolor,
)
from pretrain.data.device_augmentations import normalize, pack, recolor_batch
from pretrain.data.device_batches import to_device
from tests.pretrain.data.batches import loader
from tests.pretrain.data.pictures import photo, plain


def test_colours_on_the_device_are_near_those_of_the_workers(photos):
    worker = next(iter(loader(photos)))
    device = next(iter(loader(photos, colors=False)))
    assert len(device.tables) == 4 and device.tables[0].shape == (4, 12)
    cpu = torch.device("cpu")
    for one, other in zip(to_device(worker, cpu, 3), to_device(device, cpu, 3), strict=True):
        assert one.shape == other.shape and one.dtype == torch.float32
        assert (one - other).abs().mean() * 0.226 * 255 < 2


CASES = {
    "none": {},
    "brightness": {"factors": (1.3, 1.0, 1.0, 0.0)},
    "contrast": {"factors": (1.0, 0.7, 1.0, 0.0)},
    "saturation": {"factors": (1.0, 1.0, 1.2, 0.0)},
    "hue": {"factors": (1.0, 1.0, 1.0, 0.1)},
    "all": {"factors": (1.2, 0.8, 1.1, -0.08), "order": (3, 1, 0, 2)},
    "gray": {"gray": True},
    "blur": {"sigma": 1.3},
    "solarize": {"solarize": True},
}


@pytest.mark.parametrize("name", CASES)
def test_each_operation_on_the_worker_and_on_the_device(name):
    crop, p = photo(64, 64), plain(**CASES[name])
    worker = recolor(crop, p)
    reference = crop_with_pillow(Image.fromarray(crop), p)
    batch = torch.from_numpy(np.stack([crop, crop])).permute(0, 3, 1, 2)
    device = recolor_batch(batch, pack([plain(), p]))
    assert np.abs(worker.astype(float) - reference).mean() < 1.5
    on_device = device[1].permute(1, 2, 0).numpy()
    assert np.abs(on_device - reference).mean() < 2
    torch.testing.assert_close(device[0], batch[0].float())
    if name != "none":
        assert np.abs(worker.astype(float) - crop).mean() > 1


def test_normalisation_by_hand():
    images = torch.tensor([0.0, 127.5, 255.0]).view(1, 3, 1, 1)
    expected = [(v - m) / s for v, m, s in zip((0, 0.5, 1), MEAN, STD, strict=True)]
    torch.testing.assert_close(normalize(images).flatten(), torch.tensor(expected))


def test_one_channel_is_luminance():
    white = normalize(torch.full((1, 3, 2, 2), 255.0), channels=1)
    assert white.shape == (1, 1, 2, 2)
    assert white[0, 0, 0, 0].item() == pytest.approx((1 - np.mean(MEAN)) / np.mean(STD), rel=1e-4)
    assert math.isfinite(white.sum())
