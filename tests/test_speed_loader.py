"""The loader comparison measures what it says, and ours is the faster one."""

import numpy as np
import pytest
import torch
from test_pretrain_augment import photo

from benchmarks.speed.loader import measure_loader, photo_jpegs, usual_pipeline
from pretrain.augment import recipes
from pretrain.config import PretrainConfig


def test_photos_are_brought_to_a_short_side():
    from pretrain.decode import read_header

    header = read_header(photo_jpegs([photo(100, 200)], 64)[0])
    assert (header.height, header.width) == (64, 128)


def test_the_usual_pipeline_gives_normalised_crops():
    from PIL import Image

    crop = usual_pipeline(recipes(PretrainConfig())[2])(Image.fromarray(photo()))
    assert crop.shape == (3, 96, 96) and crop.dtype == torch.float32
    assert abs(crop.mean()) < 3


def test_ours_is_faster_at_equal_quality():
    images = photo_jpegs([photo(300, 400, seed) for seed in range(4)])
    speed = measure_loader(images, seconds=0.4)
    assert speed.crops == 10 and speed.images == 4
    assert speed.difference < 2
    assert speed.ratio == pytest.approx(speed.ours / speed.usual)
    assert speed.ratio > 1.5


@pytest.mark.slow
def test_two_and_a_half_times_on_photographs(shared_data):
    import io
    import zipfile

    from PIL import Image

    with zipfile.ZipFile(shared_data / "pretrain-images.zip") as archive:
        names = [n for n in archive.namelist() if n.startswith("imagenet-sample")][:60]
        pictures = [Image.open(io.BytesIO(archive.read(n))).convert("RGB") for n in names]
    speed = measure_loader(photo_jpegs([np.asarray(p) for p in pictures]), seconds=4)
    assert speed.ratio > 2.5 and speed.difference < 2
