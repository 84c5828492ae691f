"""`track_video`: from points to a folder; stopped, resumed, and refused."""

import json
import shutil

import numpy as np
import pytest

from tests.data.moving_texture import CONFIG, FRAMES, POINTS, Filters, moving, queries
from vos.errors import InputError
from vos.files import write_png
from vos.segmentation.run_folder import OVERLAY, RUN, STATE, TRACKS
from vos.tracking.options import TrackOutputs
from vos.tracking.point_files import PointQuery, read_tracks
from vos.tracking.point_tracker import PointTracker
from vos.tracking.track import track_video
from vos.tracking.tracks import track_points
from vos.video.frame_range import FrameRange
from vos.video.reader import open_frames

NAMES = "abc"
GIVEN = [PointQuery(3, x, y, name) for name, (x, y) in zip(NAMES, POINTS, strict=True)]


@pytest.fixture(scope="module")
def backbone():
    return Filters()


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    for number, frame in enumerate(moving()):
        write_png(folder / f"img_{number}.png", frame)
    return folder


@pytest.fixture
def track(clip, backbone, tmp_path):
    def run(points=GIVEN, **options):
        out = tmp_path / "out"
        given = {"source": clip, "backbone": backbone, "config": CONFIG, **options}
        return track_video(points=points, out=out, **given), out

    return run


def table(out):
    return [row.cells() for row in read_tracks(out / TRACKS)]


def stop_after(count):
    def on_frame(done, _total):
        if done == count:
            raise KeyboardInterrupt

    return on_frame


@pytest.mark.parametrize("backward", [False, True])
def test_tracks_are_those_of_the_tracker(track, backbone, backward):
    result, out = track(backward=backward)
    assert (result.frames, result.points) == (FRAMES, 3)
    want = track_points(PointTracker(backbone, CONFIG), moving(), queries(3), backward=backward)
    rows = read_tracks(out / TRACKS)
    assert [(row.frame, row.point) for row in rows] == [
        (t, name) for t in range(0 if backward else 3, FRAMES) for name in NAMES
    ]
    for row in rows:
        n = NAMES.index(row.point)
        assert (row.x, row.y) == pytest.approx(want.xy[n, row.frame], abs=1e-3)
        assert row.visible == want.visible[n, row.frame]
        assert row.confidence == pytest.approx(want.confidence[n, row.frame], abs=1e-4)
    with open_frames(out / OVERLAY) as video:
        assert sum(1 for _ in video) == FRAMES
    record = json.loads((out / RUN).read_text())
    assert (record["state"], record["results"]["frames"]) == ("complete", FRAMES)
    assert sorted(path.name for path in out.iterdir()) == [OVERLAY, RUN, TRACKS]


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("at", [1, 5, 9])
def test_a_stopped_run_keeps_what_it_has_and_is_resumed_to_the_same_tracks(track, backward, at):
    _, out = track(backward=backward)
    whole = table(out)
    shutil.rmtree(out)
    with pytest.raises(KeyboardInterrupt):
        track(backward=backward, on_frame=stop_in_second_pass(at) if backward else stop_after(at))
    kept = table(out)
    assert kept == whole[: len(kept)]
    assert json.loads((out / RUN).read_text())["state"] == "stopped"
    with open_frames(out / OVERLAY) as video:
        assert sum(1 for _ in video) == at
    result, _ = track(backward=backward, resume=True)
    assert table(out) == whole
    assert (result.frames, result.computed) == (FRAMES, FRAMES - at)
    with open_frames(out / OVERLAY) as video:
        assert sum(1 for _ in video) == FRAMES
    again, _ = track(backward=backward, resume=True)
    assert (again.frames, again.computed) == (FRAMES, 0)


def stop_in_second_pass(count):
    def on_frame(done, total):
        if done == count and total is not None:  # going back, how many there are is not said
            raise KeyboardInterrupt

    return on_frame


def test_a_stop_while_going_back_starts_anew(track):
    _, out = track(backward=True)
    whole = table(out)
    shutil.rmtree(out)
    with pytest.raises(KeyboardInterrupt):
        track(backward=True, on_frame=stop_after(2))
    result, _ = track(backward=True, resume=True)
    assert result.frames == FRAMES
    assert table(out) == whole


def test_points_of_one_name_are_refused(track):
    points = [PointQuery(3, 30, 40, "a"), PointQuery(3, 50, 40, "a")]
    with pytest.raises(InputError, match="several points are named a"):
        track(points=points)


def test_rows_beyond_the_saved_state_are_written_anew(track):
    """As after a kill: the file of tracks is ahead of the state."""
    _, out = track()
    whole = table(out)
    shutil.rmtree(out)
    with pytest.raises(KeyboardInterrupt):
        track(on_frame=stop_after(4))
    shutil.copy(out / STATE, out.parent / "older")
    with pytest.raises(KeyboardInterrupt):
        track(resume=True, on_frame=stop_after(7))
    shutil.copy(out.parent / "older", out / STATE)
    track(resume=True)
    assert table(out) == whole


def test_frames_may_be_named_and_left_out(track):
    points = [PointQuery("img_2", 30, 40, "a"), PointQuery(None, 60, 30, "b")]
    options = TrackOutputs(overlay=False)
    _, out = track(points, frames=FrameRange(start=1, end=9, stride=1), outputs=options)
    rows = [(row.frame, row.point) for row in read_tracks(out / TRACKS)]
    assert rows == [(1, "b"), *[(t, name) for t in range(2, 9) for name in "ab"]]
    assert not (out / OVERLAY).exists()


def test_a_folder_that_holds_a_run_is_left_alone_unless_asked(track):
    _, out = track()
    before = table(out)
    with pytest.raises(InputError, match="holds another run"):
        track()
    with pytest.raises(InputError, match=r"settings differ .*points"):
        track(GIVEN[:1], resume=True)
    assert table(out) == before
    track(GIVEN[:1], overwrite=True)
    assert {row.point for row in read_tracks(out / TRACKS)} == {"a"}


@pytest.mark.parametrize(
    ("points", "options", "message"),
    [
        ([], {}, "no points were given"),
        ([PointQuery(10, 1, 1, "a")], {}, "frame 10, which is not among the frames taken"),
        ([PointQuery(3, 1, 1, "a")], {"frames": FrameRange(stride=2)}, "stride 2"),
        ([PointQuery("img_99", 1, 1, "a")], {}, "names from img_0 to img_9"),
        ([PointQuery(0, 128, 1, "a")], {}, "outside of the frame of 128x96"),
        (GIVEN, {"frames": FrameRange(max_size=64)}, "max size is not for points"),
    ],
)
def test_points_that_do_not_fit_are_refused_before_anything_is_written(
    track, tmp_path, points, options, message
):
    with pytest.raises(InputError, match=message):
        track(points, **options)
    assert not (tmp_path / "out").exists()


def test_points_beyond_the_end_of_a_video_are_said_at_its_end(track, shared_data):
    video = shared_data / "videos" / "h264_plain_480x270.mp4"
    points = [PointQuery(0, 100, 100, "a"), PointQuery("5", 100, 100, "b")]
    _, out = track(points, source=video, frames=FrameRange(end=8))
    assert read_tracks(out / TRACKS)[-1].frame == 7
    beyond = [*points, PointQuery(5000, 9, 9, "c")]
    with pytest.raises(InputError, match=r"points were given for frames \[5000\]"):
        track(beyond, source=video, overwrite=True, outputs=TrackOutputs(overlay=False))
    assert len(np.unique([row.frame for row in read_tracks(out / TRACKS)])) > 8
