"""YOLO's text files: lines that are the masks, to the pixel."""

import zipfile

import cv2
import numpy as np
import yaml

from tests.vos.app.exports.conftest import HEIGHT, WIDTH, Arrays, ring
from vos.app.exports.export import export
from vos.app.exports.formats import ExportOptions


def read(text):
    """Draw the lines as Ultralytics does."""
    ids = np.zeros((HEIGHT, WIDTH), np.uint8)
    for line in text.splitlines():
        place, *shares = line.split()
        points = np.array(shares, np.float64).reshape(-1, 2) * (WIDTH, HEIGHT)
        cv2.fillPoly(ids, [points.astype(np.int32)], (1, 3)[int(place)])
    return ids


def test_masks_come_back(source, tmp_path):
    (file,) = export(["yolo"], source, tmp_path)
    assert source.frames_read == []
    with zipfile.ZipFile(file.path) as archive:
        names = [f"labels/train/{n:05d}.txt" for n in (1, 2, 3, 4)]
        assert archive.namelist() == ["data.yaml", *names]
        for number, name in zip((1, 2, 3, 4), names, strict=True):
            assert np.array_equal(read(archive.read(name).decode()), source.masks[number])
        values = [float(v) for v in archive.read(names[0]).split()]
        assert min(values) >= 0
        assert max(values) <= 1


def test_the_list_of_classes_and_pictures(source, tmp_path):
    source.objects = {1: ('a: "b" #', (1, 2, 3)), 3: ("犬", (1, 2, 3))}
    (file,) = export(["yolo"], source, tmp_path, options=ExportOptions(pictures="png"))
    assert source.frames_read == list(range(6))
    with zipfile.ZipFile(file.path) as archive:
        about = yaml.safe_load(archive.read("data.yaml"))
        assert about["names"] == {0: 'a: "b" #', 1: "犬"}
        assert about["train"] == about["val"] == "images/train"
        pictures = [name for name in archive.namelist() if name.startswith("images/")]
        assert pictures == [f"images/train/{n:05d}.png" for n in (1, 2, 3, 4)]
        image = cv2.imdecode(np.frombuffer(archive.read(pictures[0]), np.uint8), cv2.IMREAD_COLOR)
        assert image.shape == (HEIGHT, WIDTH, 3)
        assert (image == 41).all()


def test_pieces_are_said_to_become_objects(tmp_path):
    ids = ring()
    ids[0, 0] = 255
    (file,) = export(["yolo"], Arrays([ids]), tmp_path)
    assert file.losses == [
        "1 hole of 1 object in 1 frame is joined to the outline by a line of no width; no pixel "
        "is lost.",
        "1 further piece of 1 object in 1 frame: each is a line of its own, which YOLO takes for "
        "another object of the class.",
        "Void (255), which this format does not have, became background in 1 frame.",
    ]
