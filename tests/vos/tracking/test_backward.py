"""Frames from a later one back to the first."""

import numpy as np
import pytest

from vos.files import write_png
from vos.tracking import backward
from vos.tracking.backward import frames_backward
from vos.video.frame_range import FrameRange


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(11):
        write_png(folder / f"{number:02d}.png", np.full((4, 6, 3), number, np.uint8))
    return folder


@pytest.mark.parametrize("chunk", [1, 3, 32])
@pytest.mark.parametrize(
    ("frames", "last"),
    [(FrameRange(), 10), (FrameRange(), 0), (FrameRange(2, 9), 7), (FrameRange(1, None, 3), 7)],
)
def test_all_frames_taken_come_once_the_last_first(pictures, monkeypatch, chunk, frames, last):
    monkeypatch.setattr(backward, "CHUNK", chunk)
    found = list(frames_backward(pictures, frames, last))
    want = [n for n in range(last, -1, -1) if frames.takes(n)]
    assert [frame.index for frame in found] == want
    assert [int(frame.image[0, 0, 0]) for frame in found] == want
