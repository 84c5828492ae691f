"""A run's folder as a source: the masks, numbers, frames and figures of the run."""

import json
import zipfile
from fractions import Fraction

import numpy as np
import pytest

from tests.data.clips import (
    CONFIG,
    FRAMES,
    Colours,
    masks_of,
    picture,
    write_picture,
)
from vos.app.exports.export import export
from vos.app.exports.run_source import RunSource
from vos.errors import InputError
from vos.segmentation.options import OutputOptions
from vos.segmentation.segment import segment_video
from vos.video.frame_range import FrameRange
from vos.video.writer import VideoWriter

ALL = OutputOptions(
    overlay=True, show_ids=True, rle="coco", alpha="png", confidence=True, measure=True
)


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "clip.mp4"
    with VideoWriter(path, Fraction(30000, 1001), crf=5) as writer:
        for number in range(FRAMES):
            writer.write(picture(number)[0])
    return path


@pytest.fixture(scope="module")
def run(video, tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "out"
    segment_video(video, picture(0)[1], out, backbone=Colours(), config=CONFIG, outputs=ALL)
    return out


def test_exports_equal_what_the_run_wrote(run, tmp_path):
    formats = ["masks", "overlay", "cut-outs", "coco", "measurements", "confidence"]
    with RunSource(run) as source:
        from vos.app.exports.formats import ExportOptions

        files = export(
            formats, source, tmp_path, options=ExportOptions(show_ids=True), frames=source.frames
        )
    by_format = {file.format: file.path for file in files}
    assert by_format["overlay"].read_bytes() == (run / "overlay.mp4").read_bytes()
    for form in ("measurements", "confidence"):
        assert by_format[form].read_bytes() == (run / f"{form}.csv").read_bytes()
    codes = json.loads(by_format["coco"].read_text())
    assert [o["id"] for o in codes.pop("objects")] == [3, 9]
    assert codes == json.loads((run / "rle.json").read_text())
    for form in ("masks", "cut-outs"):
        with zipfile.ZipFile(by_format[form]) as archive:
            assert len(archive.namelist()) == FRAMES
            for name in archive.namelist():
                assert archive.read(name) == (run / name).read_bytes()


def test_numbers_of_a_part_of_a_video(video, tmp_path):
    segment_video(
        video, {2: picture(2)[1]}, tmp_path / "out", backbone=Colours(), config=CONFIG,
        frames=FrameRange(2, 7, 2, 48),
    )  # fmt: skip
    with RunSource(tmp_path / "out") as source:
        assert source.count == 7
        assert source.size == (32, 48)
        assert [n for n in range(7) if source.ids(n) is not None] == [2, 4, 6]
        assert source.frame(4).image.shape == (32, 48, 3)
        assert source.frame(2).index == 2  # back again
        with pytest.raises(InputError, match="does not give frame 5"):
            source.frame(5)


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(4):  # as YouTube-VOS names them
        write_picture(folder / f"{5 * number:05d}.png", picture(number)[0])
    segment_video(folder, picture(0)[1], tmp_path / "out", backbone=Colours(), config=CONFIG)
    return folder


def test_pictures_are_numbered_by_their_places(pictures, tmp_path):
    with RunSource(tmp_path / "out") as source:
        assert (source.name, source.count, source.fps) == ("frames", 4, None)
        assert source.frame_name(2) == "00010"
        assert np.array_equal(source.ids(2), masks_of(tmp_path / "out")["00010"])
    pictures.rename(tmp_path / "elsewhere")
    with RunSource(tmp_path / "out") as source:  # by the record alone
        assert source.frame_name(2) == "00010"
        with pytest.raises(InputError, match=r"say where they are now \(--video\)"):
            source.frame(2)
    with RunSource(tmp_path / "out", video=str(tmp_path / "elsewhere")) as source:
        assert source.frame(2).name == "00010"


def test_the_ending_of_pictures(pictures, tmp_path):
    import cv2

    for path in pictures.iterdir():
        cv2.imwrite(str(path.with_suffix(".jpg")), cv2.imread(str(path)))
        path.unlink()
    with RunSource(tmp_path / "out") as source:
        assert source.picture_suffix == ".jpg"


def test_names_and_colours_of_objects(run):
    with RunSource(run, objects={9: ("dog", (1, 2, 3))}) as source:
        assert source.objects[9] == ("dog", (1, 2, 3))
        assert source.objects[3][0] == "object 3"


def test_a_project_is_exported_where_it_is_open(tmp_path):
    (tmp_path / "project.json").write_text("{}")
    with pytest.raises(InputError, match="is a project of vos app; open it there"):
        RunSource(tmp_path)


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (None, "holds no run.json"),
        ("{", "cannot be read"),
        ("[]", "is not the record of a run"),
        ('{"settings": 3}', "is not the record of a run"),
        ('{"settings": {"frames": {"stride": 0}}}', "frames that cannot be"),
        ('{"settings": {}}', "holds no masks"),
    ],
)
def test_other_folders_are_refused(tmp_path, record, text):
    if record is not None:
        (tmp_path / "run.json").write_text(record)
    with pytest.raises(InputError, match=text):
        RunSource(tmp_path)
