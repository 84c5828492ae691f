"""Points in, tracks out."""

import math

import pytest

from vos.errors import InputError
from vos.tracking.point_files import (
    PointQuery,
    TrackFile,
    TrackRow,
    check_inside,
    read_points,
    read_tracks,
)

ROWS = [
    TrackRow(0, "nose, left", 1.5, 2.25, True, 1.0),
    TrackRow(0, "2", math.nan, math.nan, False, 0.0),
    TrackRow(7, "2", -3.0, 4.0, False, 0.5),
]


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("x,y\n1,2\n3.5,4\n", [(None, 1, 2, "1"), (None, 3.5, 4, "2")]),
        ("1,2\n", [(None, 1, 2, "1")]),
        ("5,1,2\n00005,3,4", [(5, 1, 2, "1"), ("00005", 3, 4, "2")]),
        ("\ufeffFrame;X;Y;Point\n\n5;1;2;nose\n;3;4;\n", [(5, 1, 2, "nose"), (None, 3, 4, "2")]),
        ("y\tx\tnote\n1\t2\tabc\n", [(None, 2, 1, "1")]),
        ("img_07,1,2\n", [("img_07", 1, 2, "1")]),
    ],
)
def test_points_are_read(tmp_path, text, want):
    path = tmp_path / "points.csv"
    path.write_text(text, encoding="utf-8")
    assert read_points(path) == [PointQuery(*row) for row in want]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no points"),
        ("frame,x,y\n", "holds a heading, but no points"),
        ("frame,x\n1,2\n", "expected the columns x and y"),
        ("1,2,3,4\n", "has 4 columns without a heading"),
        ("x,y\n1,two\n", "line 2: x and y are '1', 'two'; expected two numbers"),
        ("x,y\n1,nan\n", "line 2: x and y"),
        ("x,y\n\n1,2\n3\n", "line 4: has 1 columns"),
        ("x,y,point\n1,2,a\n3,4,a\n", "several points are named a"),
    ],
)
def test_files_that_are_none_are_refused(tmp_path, text, message):
    path = tmp_path / "points.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_points(path)


def test_a_missing_or_binary_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read as a CSV file of points"):
        read_points(tmp_path / "none.csv")
    (tmp_path / "picture.csv").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(InputError, match="cannot be read as a CSV file of points"):
        read_points(tmp_path / "picture.csv")


def test_tracks_are_written_frame_by_frame_and_read_again(tmp_path):
    path = tmp_path / "tracks.csv"
    with TrackFile(path) as file:
        file.begin(ROWS[:1])
        file.add(ROWS[1:2])
        assert len(read_tracks(path)) == 2  # on disk at once
        file.add(ROWS[2:])
    lines = path.read_text().splitlines()
    assert lines[:3] == [
        "frame,point,x,y,visible,confidence",
        '0,"nose, left",1.500,2.250,1,1.0000',
        "0,2,,,0,0.0000",
    ]
    assert list(map(repr, read_tracks(path))) == list(map(repr, ROWS))


def test_a_line_that_was_cut_off_is_left_out(tmp_path):
    path = tmp_path / "tracks.csv"
    with TrackFile(path) as file:
        file.begin(ROWS)
    path.write_text(path.read_text() + "8,2,1.0")
    assert len(read_tracks(path)) == 3
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="cannot be read as a file of tracks"):
        read_tracks(path)


def test_points_at_the_frame_s_edge_are_inside():
    check_inside([PointQuery(0, x, y, "1") for x, y in [(0, 0), (9, 4), (-0.5, 4.5)]], 5, 10)
    for x, y in [(10, 2), (2, 5), (-1, 2)]:
        with pytest.raises(InputError, match=r"outside of the frame of 10x5 pixels; expected x fr"):
            check_inside([PointQuery(0, x, y, "1")], 5, 10)
