"""The loader comparison measures what it says, and ours is the faster one."""

import json

import numpy as np
import pytest
import torch

from benchmarks.speed.loader import MeasureLoader, measure_loader, photo_jpegs, usual_pipeline
from pretrain.config.pretrain_config import PretrainConfig
from pretrain.data.augmentations import recipes
from tests.pretrain.data.pictures import photo


def test_photos_are_brought_to_a_short_side():
    from pretrain.sources.decode import read_header

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


def test_the_verb_prints_and_writes(tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    for number, data in enumerate(photo_jpegs([photo(300, 400, seed) for seed in range(2)])):
        (tmp_path / "photos" / f"{number}.jpg").write_bytes(data)
    out = tmp_path / "speed.json"
    verb = MeasureLoader((str(tmp_path / "photos"),), seconds=0.1, local_crops_number=2, out=out)
    assert verb.run() == 0
    assert "times as fast" in capsys.readouterr().out
    written = json.loads(out.read_text())
    assert written["crops"] == 4 and written["ratio"] > 1


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
