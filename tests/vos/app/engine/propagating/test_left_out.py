"""Damaged frames end a propagation, or are left out as `vos segment --skip-damaged` does it."""

import av
import numpy as np
import pytest

from tests.data.clips import HEIGHT, WIDTH, masks_of, picture
from tests.vos.app.engine.conftest import FRAMES, Coarse
from tests.vos.video.files import damage
from vos.app.project.actions import perform
from vos.app.project.prompt_masks import composite
from vos.propagation.config import PropagationConfig
from vos.segmentation.options import OutputOptions, PassOptions
from vos.segmentation.segment import segment_video
from vos.video.frame_range import ReadingOptions

SKIP = ReadingOptions(skip_damaged=True)


def truth(number):
    return picture(number)[1]


@pytest.fixture
def clip(tmp_path):
    """A video whose frames are pictures of their own; the second and the sixth are damaged."""
    path = tmp_path / "clip.avi"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
        for number in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(picture(number)[0], "rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    for number in (1, 5):
        damage(path, number, 700)
    return path


def expected(desk, clip, out, direction, mode):
    frames = sorted({int(key.split("/")[1]) for key in desk.project.items("prompts/")})
    segment_video(
        str(clip), {frame: composite(desk.project, frame) for frame in frames}, out,
        backbone=Coarse(), config=PropagationConfig().in_mode(mode),
        passes=PassOptions(direction), outputs=OutputOptions(overlay=False), reading=SKIP,
    )  # fmt: skip
    return {int(name): mask for name, mask in masks_of(out).items()}


def assert_equal(ours, theirs):
    assert ours.keys() == theirs.keys()
    assert [n for n in sorted(ours) if not np.array_equal(ours[n], theirs[n])] == []


def indexed(desk):
    while not desk.frames.count_is_exact:
        pass
    return desk


@pytest.mark.parametrize("mode", ["adaptive", "protocol"])
def test_damaged_frames_are_left_out_and_all_else_equals_the_command(
    open_desk, clip, tmp_path, monkeypatch, mode
):
    monkeypatch.setattr("vos.app.engine.propagating.cached_pass.STATE_EVERY", 3)
    with open_desk(source=clip, reading=SKIP) as desk:
        indexed(desk)
        desk.add_object()
        desk.add_object()
        perform(desk.project, {"action": "set_settings", "mode": mode})
        desk.draw(3, truth(3))
        desk.draw(8, truth(8))
        desk.propagate()
        masks = desk.masks()
        assert sorted(masks) == [0, 2, 3, 4, *range(6, FRAMES)]
        assert_equal(masks, expected(desk, clip, tmp_path / "one", "both", mode))
        assert desk.session.stale() == []
    with open_desk(source=clip, reading=SKIP) as desk:  # which goes on from states on disk
        indexed(desk)
        desk.draw(10, truth(10))
        assert desk.propagate()["result"]["computed"] < 2 * FRAMES
        assert_equal(desk.masks(), expected(desk, clip, tmp_path / "two", "both", mode))
        assert desk.session.stale() == []


def test_forward_from_behind_a_damaged_frame_equals_too(open_desk, clip, tmp_path):
    with open_desk(source=clip, reading=SKIP) as desk:
        indexed(desk)
        desk.add_object()
        desk.add_object()
        desk.draw(3, truth(3))
        desk.propagate("forward")
        wanted = expected(desk, clip, tmp_path / "out", "forward", "adaptive")
        assert_equal(desk.masks(), {n: mask for n, mask in wanted.items() if n >= 3})


def test_otherwise_the_job_ends_with_the_number_of_the_frame_and_what_arrived_stays(
    open_desk, clip
):
    with open_desk(source=clip) as desk:
        desk.add_object()
        desk.add_object()
        desk.draw(0, truth(0))
        error = desk.propagate(state="failed")["error"]
        assert "frame 1 cannot be read" in error
        assert sorted(desk.masks()) == [0]
