"""CVAT's XML: tracks of polygons that are the masks, to the pixel."""

from xml.dom.minidom import parse

import numpy as np
import pytest
from pycocotools import mask as coco

from tests.vos.app.exports.conftest import HEIGHT, WIDTH, Arrays, ring
from vos.app.exports.export import export
from vos.masks.annotation_files import read_annotations
from vos.video.frame_range import FrameRange


def exported(source, out):
    (file,) = export(["cvat"], source, out)
    return file, parse(str(file.path)).documentElement


def shapes(document):
    """Give label, track, frame and polygon of each shape that is visible."""
    for track in document.getElementsByTagName("track"):
        for polygon in track.getElementsByTagName("polygon"):
            if polygon.getAttribute("outside") == "0":
                points = [
                    [float(value) for value in pair.split(",")]
                    for pair in polygon.getAttribute("points").split(";")
                ]
                frame = int(polygon.getAttribute("frame"))
                yield track.getAttribute("label"), int(track.getAttribute("id")), frame, points


def test_masks_come_back_by_pycocotools(source, tmp_path):
    _, document = exported(source, tmp_path)
    masks = {n: np.zeros((HEIGHT, WIDTH), np.uint8) for n in range(source.count)}
    for label, _, frame, points in shapes(document):
        code = coco.frPyObjects([np.ravel(points).tolist()], HEIGHT, WIDTH)
        masks[frame][coco.decode(code)[..., 0] > 0] = {"ball": 1, "dog": 3}[label]
    for number, ids in enumerate(source.masks):
        assert np.array_equal(masks[number], np.zeros_like(masks[0]) if ids is None else ids)


@pytest.mark.parametrize("number", [1, 2, 4])
def test_masks_come_back_by_the_reader(source, tmp_path, number):
    file, document = exported(source, tmp_path)
    tracks = document.getElementsByTagName("track")
    ids, _ = read_annotations(file.path, f"{number:05d}")
    known = {"ball": 1, "dog": 3}
    table = np.zeros(256, np.uint8)
    for place, track in enumerate(tracks, 1):
        table[place] = known[track.getAttribute("label")]
    assert np.array_equal(table[ids], source.masks[number])


def test_the_header_says_what_an_import_needs(source, tmp_path):
    source.objects = {1: ('<"ball"> & \x00', (255, 0, 16)), 3: ("dog", (0, 0, 0))}
    source.name = "a <b>"
    _, document = exported(source, tmp_path)

    def text(tag):
        return document.getElementsByTagName(tag)[0].firstChild.data

    assert (text("version"), text("mode"), text("size")) == ("1.1", "interpolation", "6")
    assert (text("width"), text("height")) == (str(WIDTH), str(HEIGHT))
    labels = document.getElementsByTagName("label")
    names = [label.getElementsByTagName("name")[0].firstChild.data for label in labels]
    assert names == ['<"ball"> & \ufffd', "dog"]
    assert text("color") == "#ff0010"


def test_every_shape_has_what_cvat_reads(source, tmp_path):
    _, document = exported(source, tmp_path)
    for polygon in document.getElementsByTagName("polygon"):
        assert polygon.getAttribute("keyframe") == "1"
        assert polygon.getAttribute("occluded") == polygon.getAttribute("z_order") == "0"
        assert polygon.getAttribute("points").count(";") >= 3


def test_tracks_end_where_nothing_is_there_or_known(tmp_path):
    there, empty = ring(), np.zeros((HEIGHT, WIDTH), np.uint8)
    source = Arrays([there, empty, empty, there, None, there, there, None])
    _, document = exported(source, tmp_path)
    track = document.getElementsByTagName("track")[0]
    outside = {
        int(p.getAttribute("frame")): p.getAttribute("outside")
        for p in track.getElementsByTagName("polygon")
    }
    assert outside == {0: "0", 1: "1", 3: "0", 4: "1", 5: "0", 6: "0", 7: "1"}


def test_the_end_of_the_masks_ends_the_tracks_before_the_end_of_the_video(tmp_path):
    source = Arrays([ring(), ring()])
    source.count, source.masks = 9, [ring(), ring(), *[None] * 7]
    (file,) = export(["cvat"], source, tmp_path, frames=FrameRange(0, 2))
    track = parse(str(file.path)).documentElement.getElementsByTagName("track")[0]
    last = track.getElementsByTagName("polygon")[-1]
    assert (last.getAttribute("frame"), last.getAttribute("outside")) == ("2", "1")


def test_pieces_are_tracks_of_one_group_and_said(tmp_path):
    file, document = exported(Arrays([ring(), ring()]), tmp_path)
    tracks = document.getElementsByTagName("track")
    said = [(t.getAttribute("label"), t.getAttribute("group_id")) for t in tracks]
    assert said == [("ball", ""), ("dog", "3"), ("dog", "3")]
    assert file.losses == [
        "2 holes of 1 object in 2 frames are joined to the outline by a line of no width; no "
        "pixel is lost.",
        "2 further pieces of 1 object in 2 frames: each is a track of its own, in one group with "
        "its object.",
    ]
