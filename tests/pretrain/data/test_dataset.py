"""Samples as crops: broken images are replaced, small ones enlarged, frames of videos taken too."""

import torch

from tests.pretrain.data.batches import assert_same, crops, loader
from tests.pretrain.sources.test_videos import make_video


def test_a_batch_holds_each_crop_of_each_image(photos):
    first = crops(photos)[0]
    assert [tuple(c.shape) for c in first] == [(4, 32, 32, 3)] * 2 + [(4, 16, 16, 3)] * 2
    assert first[0].dtype == torch.uint8


def test_broken_images_are_replaced_and_listed(photos):
    (photos / "3.jpg").write_bytes(b"junk")
    (photos / "4.jpg").write_bytes((photos / "5.jpg").read_bytes()[:300])
    batches = list(loader(photos))
    broken = {name for batch in batches for name, _ in batch.broken}
    assert broken and broken <= {"3.jpg", "4.jpg"}
    assert all(len(batch.crops[0]) == 4 for batch in batches)
    assert_same([b.crops for b in batches], crops(photos, workers=2))


def test_images_smaller_than_a_crop_are_enlarged(tmp_path):
    from PIL import Image

    for number in range(8):
        Image.new("RGB", (5, 3), (9, 9, 9)).save(tmp_path / f"{number}.png")
    assert crops(tmp_path)[0][0].shape == (4, 32, 32, 3)


def test_frames_of_a_video_are_cropped_too(tmp_path):
    make_video(tmp_path / "clip.mp4")
    assert crops(tmp_path)[0][2].shape == (4, 16, 16, 3)
