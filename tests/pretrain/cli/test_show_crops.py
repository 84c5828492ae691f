"""`vos-pretrain show-crops`: pictures of crops."""

import tarfile

import cv2

from pretrain.cli import run
from tests.pretrain.runs import photos

__all__ = ["photos"]


def test_crops_are_drawn_a_row_an_image(photos, tmp_path):
    out = tmp_path / "crops.png"
    arguments = ["--out", str(out), "--images", "2", "--preset", "cpu"]
    assert run(["show-crops", str(photos), *arguments]) == 0
    assert cv2.imread(str(out)).shape == (2 * 96, 6 * 96, 3)


def test_crops_of_a_pipe_need_its_length(photos, tmp_path, capsys):
    with tarfile.open(tmp_path / "0.tar", "w") as archive:
        archive.add(photos, "photos")
    out = tmp_path / "crops.png"
    arguments = [f"pipe:cat {tmp_path}/0.tar", "-o", str(out), "--images", "2", "--preset", "cpu"]
    assert run(["show-crops", *arguments]) == 2
    assert "--samples-per-shard" in capsys.readouterr().err
    options = ["--samples-per-shard", "13", "--shard-cache", str(tmp_path / "cache")]
    assert run(["show-crops", *arguments, *options]) == 0
    assert out.is_file()
