import numpy as np
import pytest

from vos.datasets.points.point_video import (
    PointDataset,
    PointVideo,
    frame_files,
    picture_size,
)
from vos.errors import InputError
from vos.files import write_png


def test_frames_in_natural_order_hidden_and_other_files_left_out(tmp_path):
    for name in ("frame10.png", "frame2.png", "._frame1.png"):
        write_png(tmp_path / name, np.zeros((4, 6, 3), np.uint8))
    (tmp_path / "notes.txt").write_text("")
    files = frame_files(tmp_path)
    assert [path.name for path in files] == ["frame2.png", "frame10.png"]
    assert picture_size(files[0]) == (6, 4)
    assert frame_files(tmp_path / "nowhere") == []
    with pytest.raises(InputError, match="not a readable image"):
        picture_size(tmp_path / "notes.txt")


def test_frames_of_a_set_are_counted():
    empty = np.zeros((3, 0, 2)), np.zeros((3, 0), bool)
    video = PointVideo("a", np.zeros((3, 4, 6, 3), np.uint8), (6, 4), *empty)
    assert PointDataset("set", None, "all", (video, video)).frame_count == 6
