"""Tables beside the masks: their rows, and that a resumed run has an undisturbed run's file."""

import csv
import os
from fractions import Fraction

import cv2
import numpy as np
import pytest

from tests.data.clips import CONFIG, FRAMES, QUIET, masks_of, picture, stop_after, write_picture
from vos.errors import InputError
from vos.masks.io import read_index_png
from vos.propagation.config import PropagationConfig
from vos.propagation.propagator import LabelPropagator
from vos.segmentation.measurements import measure
from vos.segmentation.options import OutputOptions, PassOptions
from vos.segmentation.sinks.result import Result
from vos.segmentation.sinks.tables import FrameTable, MeasurementTable
from vos.video.frame_range import FrameRange
from vos.video.frames import Frame
from vos.video.reader import open_frames

TABLES = OutputOptions(overlay=False, confidence=True, measure=True)
CONFIDENCE, MEASUREMENTS = "confidence.csv", "measurements.csv"


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


# --- what a run writes


def test_confidence_is_the_trackers(segment, folder, backbone, mask):
    rows = rows_of(segment(folder, outputs=TABLES).out / CONFIDENCE)
    assert list(rows[0]) == ["frame", "name", "object", "confidence", "absent"]
    assert [(r["frame"], r["name"], r["object"]) for r in rows[:3]] == [
        ("0", "frame5", "3"),
        ("0", "frame5", "9"),
        ("1", "frame6", "3"),
    ]
    tracker = LabelPropagator(backbone, CONFIG)
    expected = []
    for number in range(FRAMES):
        tracker.step(picture(number)[0], mask if number == 0 else None)
        expected += [(c.confidence, c.absent) for _, c in sorted(tracker.confidence.items())]
    assert [(float(r["confidence"]), r["absent"] == "1") for r in rows] == expected
    assert expected[:2] == [(1, False), (1, False)]


def test_measurements_are_those_of_the_masks(segment, folder):
    out = segment(folder, outputs=TABLES).out
    rows = rows_of(out / MEASUREMENTS)
    assert ",".join(rows[0]) == (
        "frame,name,time_s,object,area_px,centroid_x_px,centroid_y_px,box_left_px,box_top_px,"
        "box_width_px,box_height_px,perimeter_px,confidence"
    )
    assert len(rows) == 2 * FRAMES
    sure = {(r["frame"], r["object"]): r["confidence"] for r in rows_of(out / CONFIDENCE)}
    for row in rows:
        m = measure(read_index_png(out / "masks" / f"{row['name']}.png"))[int(row["object"])]
        numbers = [float(value) for value in list(row.values())[4:12]]
        assert numbers == pytest.approx([m.area, *m.centroid, *m.box, m.perimeter])
        assert row["confidence"] == sure[row["frame"], row["object"]]
        assert row["time_s"] == ""  # pictures have none


def test_lengths_in_a_unit(segment, folder):
    pixels = rows_of(segment(folder, outputs=TABLES).out / MEASUREMENTS)
    options = OutputOptions(overlay=False, measure=True, pixel_size=0.65, pixel_unit="um")
    out = segment(folder, out="um", outputs=options).out
    rows = rows_of(out / MEASUREMENTS)
    assert not (out / CONFIDENCE).exists()
    assert [name for name in rows[0] if "um" in name][:2] == ["area_um2", "centroid_x_um"]
    for one, other in zip(pixels, rows, strict=True):
        assert float(other["area_um2"]) == pytest.approx(float(one["area_px"]) * 0.65**2)
        assert float(other["box_left_um"]) == pytest.approx(float(one["box_left_px"]) * 0.65)
        assert float(other["perimeter_um"]) == pytest.approx(float(one["perimeter_px"]) * 0.65)


def test_shrunk_frames_have_no_size_of_a_pixel(segment, folder, tmp_path):
    options = OutputOptions(overlay=False, measure=True, pixel_size=0.65)
    with pytest.raises(InputError, match="a pixel of a shrunk frame"):
        segment(folder, outputs=options, frames=FrameRange(max_size=48))
    assert not (tmp_path / "out").exists()
    segment(folder, outputs=TABLES, frames=FrameRange(max_size=48))


def test_times_are_the_videos_time_stamps(segment, video):
    options = FrameRange(start=1, stride=3)
    rows = rows_of(segment(video, picture(1)[1], outputs=TABLES, frames=options).out / MEASUREMENTS)
    with open_frames(video) as frames:
        times = [frame.time for frame in frames]
    assert [row["frame"] for row in rows] == ["1", "1", "4", "4", "7", "7"]
    assert [float(row["time_s"]) for row in rows[::2]] == pytest.approx(times[1::3], abs=1e-6)


@pytest.mark.parametrize("source", ["folder", "video"])
def test_times_by_the_rate_of_the_recording(segment, request, source):
    options = OutputOptions(overlay=False, measure=True, measure_fps=1000)
    result = segment(request.getfixturevalue(source), outputs=options)
    rows = rows_of(result.out / MEASUREMENTS)
    assert [row["time_s"] for row in rows[::2]] == [f"{n / 1000:.6f}" for n in range(FRAMES)]


def test_an_object_that_leaves_has_no_numbers(segment, tmp_path, mask):
    """Object 9 is gone from the third frame on: area 0, the rest is empty."""
    frames = tmp_path / "frames"
    frames.mkdir()
    for number in range(5):
        image, ids = picture(number)
        if number > 1:
            image[ids == 9] = image[0, 0]
        write_picture(frames / f"{number}.png", image)
    config = PropagationConfig(short_side=0, neighborhood_radius=4, stretch_channels=False)
    out = segment(frames, outputs=TABLES, config=config).out
    assert 9 not in masks_of(out)["4"]
    last = rows_of(out / MEASUREMENTS)[-1]
    assert (last["object"], last["area_px"]) == ("9", "0")
    assert not any(list(last.values())[5:12])
    last = rows_of(out / CONFIDENCE)[-1]
    assert (last["object"], last["confidence"], last["absent"]) == ("9", "0.0000", "1")


def test_frames_before_the_first_prompt_have_no_rows(segment, folder):
    forward = PassOptions("forward")
    out = segment(folder, {6: picture(6)[1]}, outputs=TABLES, passes=forward).out
    for name in (CONFIDENCE, MEASUREMENTS):
        assert [row["frame"] for row in rows_of(out / name)] == ["6", "6", "7", "7"]


# --- stopped and resumed runs


@pytest.fixture
def both(segment, folder):
    """The tables of an undisturbed run, and a function that resumes one and returns its tables."""
    whole = segment(folder, out="whole", outputs=TABLES).out

    def resumed(masks=None):
        return tables(segment(folder, masks, outputs=TABLES, resume=True).out)

    return tables(whole), resumed


def tables(out):
    return [(out / name).read_bytes() for name in (CONFIDENCE, MEASUREMENTS)]


def stop(segment, folder, frames, **options):
    with pytest.raises(KeyboardInterrupt):
        segment(folder, outputs=TABLES, on_frame=stop_after(frames), **options)


def test_a_run_in_both_directions_has_rows_of_all_frames(segment, folder, tmp_path):
    masks = {3: picture(3)[1]}
    whole = segment(folder, masks, out="whole", outputs=TABLES).out
    rows = rows_of(whole / CONFIDENCE)
    assert [row["frame"] for row in rows[::2]] == [str(n) for n in range(FRAMES)]
    assert [row["confidence"] for row in rows[6:8]] == ["1.0000", "1.0000"]
    assert all(float(row["confidence"]) > 0 for row in rows)
    stop(segment, folder, 6, masks=masks)
    resumed = segment(folder, masks, outputs=TABLES, resume=True).out
    assert tables(resumed) == tables(whole)


@pytest.mark.parametrize("frames", [1, 4, FRAMES])
def test_a_resumed_run_has_the_same_tables(segment, folder, both, tmp_path, frames):
    whole, resumed = both
    stop(segment, folder, frames)
    assert len(rows_of(tmp_path / "out" / CONFIDENCE)) == 2 * frames
    assert resumed() == whole


def test_stops_while_earlier_frames_are_passed_by(segment, folder, both, tmp_path):
    whole, resumed = both
    stop(segment, folder, 5)
    before = tables(tmp_path / "out")
    stop(segment, folder, 2, resume=True)
    assert tables(tmp_path / "out") == before
    assert resumed() == whole


def test_rows_beyond_the_saved_state_are_written_anew(segment, folder, both, tmp_path):
    """A killed process may have written rows after it saved its state, the last one in part."""
    whole, resumed = both
    stop(segment, folder, 4)
    for name in (CONFIDENCE, MEASUREMENTS):
        with (tmp_path / "out" / name).open("a") as handle:
            handle.write("4,frame9,3,0.1,0\n5,frame10,3,0.")
    assert resumed() == whole


def test_tables_that_are_gone_or_others(segment, folder, both, tmp_path):
    _, resumed = both
    stop(segment, folder, 4)
    table = tmp_path / "out" / CONFIDENCE
    text = table.read_text()
    table.unlink()
    with pytest.raises(InputError, match="no rows of frame 0"):
        resumed()
    table.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match=r"has the columns a,b; expected frame,"):
        resumed()
    table.write_text(text)
    assert resumed() == both[0]


def test_the_overlay_of_a_resumed_run_has_the_same_marks(segment, folder, tmp_path):
    options = OutputOptions(mark_unsure=1, overlay_fps=10)
    whole = segment(folder, out="whole", outputs=options).out
    with pytest.raises(KeyboardInterrupt):
        segment(folder, outputs=options, on_frame=stop_after(5))
    segment(folder, outputs=options, resume=True)
    ours, want = (list(open_frames(tmp_path / n / "overlay.mp4")) for n in ("out", "whole"))
    assert all(np.array_equal(a.image, b.image) for a, b in zip(ours, want, strict=True))
    sure = [float(row["confidence"]) for row in rows_of(whole / CONFIDENCE)]
    unsure = [min(pair) < 1 for pair in zip(sure[::2], sure[1::2], strict=True)]
    assert unsure[0] is False
    assert any(unsure)
    orange = [abs(frame.image[-1].astype(int) - (255, 140, 0)).max() < 60 for frame in want]
    assert orange == unsure


def test_a_complete_run_is_replaced_with_its_tables(segment, folder, tmp_path):
    out = segment(folder, outputs=TABLES).out
    segment(folder, outputs=QUIET, overwrite=True)
    assert sorted(p.name for p in out.iterdir()) == ["masks", "run.json"]


# --- the file


@pytest.fixture
def table(tmp_path):
    return FrameTable(tmp_path / "t.csv", ["frame", "object", "x"])


def test_rows_are_on_disk_after_every_frame(table):
    for frame in range(3):
        table.write(frame, [[str(frame), "1", "a"]])
        assert len(table.path.read_text().splitlines()) == 2 + frame
    table.close()
    assert table.path.read_text() == "frame,object,x\n0,1,a\n1,1,a\n2,1,a\n"


def test_rows_that_come_out_of_order_are_sorted_and_the_latest_count(table):
    for frame in (5, 6, 4, 3, 5):
        table.write(frame, [[str(frame), object_id, "a"] for object_id in "12"])
    table.write(6, [["6", "2", "b"]])
    table.close()
    lines = table.path.read_text().splitlines()[1:]
    assert lines == ["3,1,a", "3,2,a", "4,1,a", "4,2,a", "5,1,a", "5,2,a", "6,1,a", "6,2,b"]


def test_a_run_without_rows_has_a_header(table):
    table.close()
    assert table.path.read_text() == "frame,object,x\n"


@pytest.mark.parametrize("name", ["a,b", 'say "x"', "two\nlines"])
def test_names_with_signs_of_the_format_come_back(tmp_path, name):
    columns = ["frame", "object", "name"]
    table = FrameTable(tmp_path / "t.csv", columns)
    table.write(0, [["0", "1", name]])
    table.close()
    again = FrameTable(tmp_path / "t.csv", columns)
    assert again.earlier(0) == [["0", "1", name]]
    again.keep(0)
    again.write(1, [["1", "1", name]])
    again.close()
    assert [row["name"] for row in rows_of(table.path)] == [name, name]


@pytest.mark.skipif(os.name != "posix", reason="names that are bytes")
def test_a_name_that_is_no_text(segment, tmp_path):
    frames = tmp_path / "frames"
    frames.mkdir()
    for number in range(2):
        data = cv2.imencode(".png", picture(number)[0])[1].tobytes()
        (frames / os.fsdecode(b"caf\xe9%d.png" % number)).write_bytes(data)
    rows = rows_of(segment(frames, outputs=TABLES).out / CONFIDENCE)
    assert [row["name"] for row in rows[::2]] == ["caf\\udce90", "caf\\udce91"]


def test_times_of_a_source_with_a_rate_alone(tmp_path):
    image, ids = picture(3)
    table = MeasurementTable(tmp_path / "m.csv", TABLES, Fraction(25))
    rows = table.rows(Result(Frame("c", 3, None, image), ids, None, (3, 9)))
    assert [row[2] for row in rows] == ["0.120000", "0.120000"]
    assert [row[-1] for row in rows] == ["", ""]
