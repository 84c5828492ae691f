"""`vos-pretrain check-data`: counts, lists and refusals."""

import io
import json

import cv2
import numpy as np
from PIL import Image

from pretrain.cli import run
from tests.pretrain.runs import photos

__all__ = ["photos"]


def test_check_data_counts_and_lists(photos, tmp_path, capsys):
    data = tmp_path / "data"
    data.mkdir()
    for path in photos.iterdir():
        (data / path.name).write_bytes(path.read_bytes())
    assert run(["check-data", str(data), "--out", str(tmp_path / "good")]) == 0
    (data / "bad.jpg").write_bytes(b"junk")
    (data / "gone.jpg").symlink_to(tmp_path / "nowhere")
    Image.new("P", (300, 400)).save(data / "p.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 20)).save(data / "turned.jpg", exif=exif)
    assert run(["check-data", str(data), "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().out
    assert "17 samples read, 2 broken" in said and "broken: bad.jpg" in said
    report = json.loads((tmp_path / "out" / "data.json").read_text())
    assert set(report["broken"]) == {"bad.jpg", "gone.jpg"}
    assert report["modes"] == {"RGB": 14, "P": 1} and report["turned"] == 1
    assert report["smaller_than_crop"] == 14 and report["short_side_percentiles"]["100"] == 300
    assert cv2.imread(str(tmp_path / "out" / "contact_sheet.png")).shape[1] % 96 == 0


def test_check_data_of_nothing_readable(tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"junk")
    assert run(["check-data", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert (tmp_path / "out" / "contact_sheet.png").is_file()


def test_what_takes_a_while_is_said_before_it(photos, tmp_path, capsys):
    assert run(["check-data", str(photos), "-o", str(tmp_path)]) == 0
    assert capsys.readouterr().err.startswith(f"reading the list of images in {photos} …")


def test_an_image_in_memory_is_no_source(tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(buffer, "PNG")
    (tmp_path / "one.png").write_bytes(buffer.getvalue())
    assert run(["check-data", str(tmp_path / "one.png")]) == 2
