"""Which ways a run goes: as asked for, as before, or by where the masks lie."""

import pytest

from vos.errors import InputError
from vos.segmentation.options import PassOptions
from vos.segmentation.passes.direction import run_direction
from vos.video.reader import FrameReader


@pytest.fixture
def reader():
    def of(kind):
        frames = (frame for frame in ())
        return FrameReader(
            frames, source="clip", kind=kind, files=[], fps=None, count=None, read_ahead=1
        )

    return of


def record(**settings):
    return {"settings": settings}


@pytest.mark.parametrize(
    ("asked", "prompted", "resumed", "expected"),
    [
        ("auto", [3], None, "forward"),
        ("auto", [3, 9], None, "forward"),
        ("auto", [4], None, "both"),
        ("auto", [4, 9], record(direction="both"), "both"),
        ("auto", [4], record(direction="forward"), "forward"),
        ("auto", [4], record(source="by an older version"), "forward"),
        ("auto", [3], record(direction="both"), "both"),
        ("forward", [4], record(direction="both"), "forward"),
        ("forward", [4], None, "forward"),
        ("both", [3], None, "both"),
    ],
)
def test_the_direction_of_a_file(reader, asked, prompted, resumed, expected):
    with reader("video") as source:
        assert run_direction(PassOptions(asked), prompted, source, 3, resumed) == expected


def test_going_back_without_being_asked_is_said(reader, capsys):
    with reader("folder") as source:
        run_direction(PassOptions("both"), [4], source, 3)
        run_direction(None, [3], source, 3)
        assert not capsys.readouterr().err
        run_direction(None, [4, 6], source, 3)
    assert "mask is for frame 4: segmenting back to frame 3 too" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["camera", "stream"])
def test_live_sources_go_forward(reader, kind):
    with reader(kind) as source:
        assert run_direction(None, [4], source, 0) == "forward"
        assert run_direction(PassOptions("forward"), [4], source, 0) == "forward"
        with pytest.raises(InputError, match="goes forward only"):
            run_direction(PassOptions("both"), [4], source, 0)
