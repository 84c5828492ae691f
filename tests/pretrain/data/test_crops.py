"""Crops of encoded images and of frames against Pillow's with the same parameters."""

import io

import numpy as np
import pytest
from PIL import Image

from benchmarks.speed.loader import crop_with_pillow, photo_jpegs
from pretrain.config.pretrain_config import PretrainConfig
from pretrain.data.augmentations import (
    draw,
    largest_reduction,
    recipes,
)
from pretrain.data.crops import crops_of_frame, make_crops
from pretrain.sources.decode import read_header
from tests.pretrain.data.pictures import photo, plain


@pytest.mark.parametrize("seed", range(6))
def test_crops_equal_pillows_with_the_same_parameters(seed):
    data = photo_jpegs([photo(seed=seed)], 256)[0]
    header = read_header(data)
    random = np.random.default_rng(seed)
    parameters = [draw(random, k, header.height, header.width) for k in recipes(PretrainConfig())]
    ours, _ = make_crops(data, [], random, drawn=parameters)
    image = Image.open(io.BytesIO(data)).convert("RGB")
    for crop, p in zip(ours, parameters, strict=True):
        difference = np.abs(crop.astype(float) - crop_with_pillow(image, p)).mean()
        assert difference < 2, p


def test_reduced_decoding_gives_the_same_crops():
    data = photo_jpegs([photo(1200, 1600)], 1200)[0]
    random = np.random.default_rng(0)
    config = PretrainConfig(global_crops_size=224, local_crops_number=0)
    parameters = [draw(random, k, 1200, 1600) for k in recipes(config)]
    assert largest_reduction(parameters) > 1
    ours, _ = make_crops(data, [], random, drawn=parameters)
    image = Image.open(io.BytesIO(data)).convert("RGB")
    for crop, p in zip(ours, parameters, strict=True):
        assert np.abs(crop.astype(float) - crop_with_pillow(image, p)).mean() < 2


def test_flip_mirrors():
    frame = photo(64, 64)
    random = np.random.default_rng(0)
    crops, parameters = crops_of_frame(frame, recipes(PretrainConfig())[:1], random, colors=False)
    assert crops[0].shape == (224, 224, 3) and len(parameters) == 1
    flipped = crop_with_pillow(Image.fromarray(frame), plain(flip=True))
    np.testing.assert_array_equal(flipped, frame[:, ::-1])
