"""What a run writes too is written by the same sinks, and reads back."""

import csv
import json
import zipfile
from fractions import Fraction

import cv2
import numpy as np
import pytest

from tests.vos.app.exports.conftest import Arrays, ring
from vos.app.exports.export import export
from vos.app.exports.formats import ExportOptions
from vos.masks.io import read_index_png
from vos.masks.rle import masks_from_coco, masks_from_youtube_vos
from vos.segmentation.measurements import measure
from vos.video.reader import open_frames

MARKED = (1, 2, 3, 4)


def test_mask_files(source, tmp_path):
    (file,) = export(["masks"], source, tmp_path)
    with zipfile.ZipFile(file.path) as archive:
        assert archive.namelist() == [f"masks/{n:05d}.png" for n in MARKED]
        archive.extractall(tmp_path)
    for number in MARKED:
        ids = read_index_png(tmp_path / f"masks/{number:05d}.png")
        assert np.array_equal(ids, source.masks[number])
    assert file.losses == []


@pytest.mark.parametrize(
    ("form", "reader"), [("youtube-vos", masks_from_youtube_vos), ("coco", masks_from_coco)]
)
def test_codes(source, tmp_path, form, reader):
    source.masks[2][0, 0] = 255
    (file,) = export([form], source, tmp_path)
    document = json.loads(file.path.read_text())
    masks = reader(document)
    assert list(masks) == [f"{n:05d}" for n in MARKED]
    for number in MARKED:
        want = np.where(source.masks[number] == 255, 0, source.masks[number])
        assert np.array_equal(masks[f"{number:05d}"], want)
    assert document["objects"][1] == {"id": 3, "name": "dog", "color": [0, 128, 255]}
    assert file.losses == [
        "Void (255), which this format does not have, became background in 1 frame."
    ]


def test_overlay_shows_every_frame_in_the_objects_colours(source, tmp_path):
    (file,) = export(["overlay"], source, tmp_path)
    with open_frames(file.path) as reader:
        assert reader.fps == 25
        images = [frame.image for frame in reader]
    assert len(images) == 6
    for number in (0, 3, 5):
        assert np.abs(images[number].astype(int) - source.frame(number).image).max() < 8
    inside = images[2][17:23, 8:22].reshape(-1, 3)  # of object 1, away from edges
    half_red = (42 + np.array([255, 0, 0])) / 2
    assert np.abs(np.median(inside, axis=0) - half_red).max() < 20


def test_the_rate_of_pictures_and_a_rate_asked_for(source, tmp_path):
    source.fps = None
    for options, rate in ((None, 24), (ExportOptions(overlay_fps=12.5), Fraction(25, 2))):
        (file,) = export(["overlay"], source, tmp_path, options=options)
        with open_frames(file.path) as reader:
            assert reader.fps == rate


def test_cut_outs_as_pictures(source, tmp_path):
    (file,) = export(["cut-outs"], source, tmp_path)
    with zipfile.ZipFile(file.path) as archive:
        assert archive.namelist() == [f"alpha/{n:05d}.png" for n in MARKED]
        data = np.frombuffer(archive.read("alpha/00002.png"), np.uint8)
    picture = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    assert np.array_equal(picture[..., 3], np.where(ring() > 0, 255, 0))
    assert (picture[..., :3] == 42).all()


def test_cut_outs_as_a_video_with_alpha(source, tmp_path):
    import av

    (file,) = export(["cut-outs-video"], source, tmp_path)
    with av.open(str(file.path)) as container:
        assert container.streams.video[0].codec_context.name == "prores"
        planes = [f.to_ndarray(format="rgba")[..., 3] for f in container.decode(video=0)]
    assert len(planes) == 6
    assert planes[0].max() == 0  # without a mask nothing is shown
    assert np.array_equal(planes[2] > 127, ring() > 0)


def test_measurements_and_confidence(source, tmp_path):
    options = ExportOptions(pixel_size=0.5, pixel_unit="mm")
    measured, sure = export(["measurements", "confidence"], source, tmp_path, options=options)
    with measured.path.open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [(int(r["frame"]), int(r["object"])) for r in rows] == [
        (n, i) for n in MARKED for i in (1, 3)
    ]
    assert float(rows[2]["area_mm2"]) == measure(ring())[1].area / 4
    assert float(rows[2]["time_s"]) == 2 / 25
    with sure.path.open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert {row["confidence"] for row in rows} == {"0.5000"}
    assert [row["absent"] for row in rows] == ["0", "0", "0", "0", "1", "1", "0", "0"]


def test_numbers_out_of_range_are_refused():
    with pytest.raises(ValueError, match="overlay fps is -1"):
        ExportOptions(overlay_fps=-1)
    with pytest.raises(ValueError, match="pixel size is 0"):
        ExportOptions(pixel_size=0)


def test_a_source_without_confidences_has_none_in_its_tables(tmp_path):
    source = Arrays([ring()])
    source.confidence = lambda _number: {}
    measured, sure = export(["measurements", "confidence"], source, tmp_path)
    assert measured.path.read_text().splitlines()[1].endswith(",")
    assert sure.path.read_text().splitlines() == ["frame,name,object,confidence,absent"]
