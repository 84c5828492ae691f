"""LabelMe's JSON: shapes that are the masks, to the pixel."""

import json
import zipfile

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.vos.app.exports.conftest import HEIGHT, WIDTH
from vos.app.exports.export import export
from vos.app.exports.formats import ExportOptions
from vos.masks.io import read_mask

IDS = {"ball": 1, "dog": 3}


@pytest.fixture
def unpacked(source, tmp_path):
    (file,) = export(["labelme"], source, tmp_path)
    with zipfile.ZipFile(file.path) as archive:
        assert archive.namelist() == [f"{n:05d}.json" for n in (1, 2, 3, 4)]
        archive.extractall(tmp_path)
    return tmp_path


@pytest.mark.parametrize("number", [1, 2, 4])
def test_masks_come_back_by_the_reader(source, unpacked, number):
    loaded = read_mask(unpacked / f"{number:05d}.json")
    assert loaded.labels == {1: "ball 1", 2: "dog 3"}
    assert np.array_equal(np.array([0, 1, 3], np.uint8)[loaded.ids], source.masks[number])


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_masks_come_back_by_pillow_as_labelme_has_it(source, unpacked, number):
    document = json.loads((unpacked / f"{number:05d}.json").read_text())
    image = Image.new("L", (document["imageWidth"], document["imageHeight"]))
    for shape in document["shapes"]:
        points = [tuple(point) for point in shape["points"]]
        value = IDS[shape["label"]]
        ImageDraw.Draw(image).polygon(points, outline=value, fill=value)
    assert np.array_equal(np.asarray(image), source.masks[number])


def test_what_labelme_reads_beside_the_shapes(unpacked):
    document = json.loads((unpacked / "00002.json").read_text())
    assert (document["imageHeight"], document["imageWidth"]) == (HEIGHT, WIDTH)
    assert document["imagePath"] == "00002.png"
    assert document["imageData"] is None
    assert document["version"] == "5.5.0"
    assert [shape["group_id"] for shape in document["shapes"]] == [1, 3, 3]
    assert {shape["shape_type"] for shape in document["shapes"]} == {"polygon"}


def test_pictures_lie_beside_on_request_and_names_follow_the_source(source, tmp_path):
    source.picture_suffix = ".jpg"
    (file,) = export(["labelme"], source, tmp_path)
    with zipfile.ZipFile(file.path) as archive:
        assert json.loads(archive.read("00001.json"))["imagePath"] == "00001.jpg"
    (file,) = export(["labelme"], source, tmp_path, options=ExportOptions(pictures="png"))
    with zipfile.ZipFile(file.path) as archive:
        assert json.loads(archive.read("00001.json"))["imagePath"] == "00001.png"
        assert "00001.png" in archive.namelist()


def test_pieces_are_kept_and_holes_are_said(source, tmp_path):
    (file,) = export(["labelme"], source, tmp_path)
    (sentence,) = file.losses
    assert "joined to the outline" in sentence
