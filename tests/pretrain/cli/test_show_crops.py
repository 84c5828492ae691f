"""`vos-pretrain show-crops`: pictures of crops."""

import tarfile

import cv2

from pretrain.cli import run
from pretrain.cli.show_crops import caption
from tests.pretrain.runs import photos

__all__ = ["photos"]


def test_crops_are_drawn_a_row_an_image(photos, tmp_path):
    out = tmp_path / "crops.png"
    arguments = ["--out", str(out), "--images", "2", "--preset", "cpu"]
    assert run(["show-crops", str(photos), *arguments]) == 0
    picture = cv2.imread(str(out))
    cells = 6 * (96 + 6)  # crops and the gaps between them
    assert cells < picture.shape[1] < cells + 200
    assert 2 * (96 + 6) < picture.shape[0] < 2 * (96 + 6) + 40
    above, beside = picture[:20, -cells:], picture[30:, : picture.shape[1] - cells]
    assert (above < 128).any(axis=(0, 2)).reshape(6, -1).any(axis=1).all()  # above every column
    assert (beside < 128).any()


def test_captions_are_the_last_part_of_a_name_and_short():
    assert caption("photos/cats/a.jpg") == "a.jpg"
    assert caption("photos.zip/é.jpg") == "?.jpg"
    long = caption("x/" + "n" * 90 + "12345.jpg")
    assert len(long) == 20
    assert long.startswith("...n")
    assert long.endswith("12345.jpg")


def test_a_row_of_a_broken_file_does_not_bear_its_name(photos, tmp_path, monkeypatch):
    captions = []
    for path in sorted(photos.rglob("*.*"))[1:]:
        path.write_bytes(b"no picture")
    monkeypatch.setattr(
        "vos.visualization.sheets.crops_sheet",
        lambda views, row_captions, **_: captions.extend(row_captions) or views[0][0],
    )
    out = tmp_path / "crops.png"
    arguments = ["--out", str(out), "--images", "3", "--preset", "cpu"]
    assert run(["show-crops", str(photos), *arguments]) == 0
    assert "(a replacement)" in captions


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
