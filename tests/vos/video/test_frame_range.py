"""Which frames of a source are taken."""

import pytest

from vos.errors import InputError
from vos.video.reader import open_frames


@pytest.mark.parametrize("source", ["pictures", "clip"])
@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({}, range(12)),
        ({"start": 3}, range(3, 12)),
        ({"end": 5}, range(5)),
        ({"start": 2, "end": 11, "stride": 4}, (2, 6, 10)),
        ({"start": 1, "stride": 5}, (1, 6, 11)),
        ({"start": 11, "stride": 3}, (11,)),
    ],
)
def test_start_end_and_stride(request, source, choice, expected):
    path = request.getfixturevalue(source)
    if source == "clip":
        choice = {"end": 12, **choice}
    with open_frames(path, **choice) as reader:
        frames = list(reader)
        assert reader.count == len(expected)
    assert [frame.index for frame in frames] == list(expected)
    for frame in frames:
        if source == "clip":
            assert abs(int(frame.image[20, 30, 0]) - (20 + 5 * frame.index)) <= 3
            assert frame.time == pytest.approx(frame.index * 1001 / 30000, abs=1e-4)
        else:
            assert (frame.image == frame.index).all()
            assert (frame.name, frame.time) == (f"frame{frame.index}", None)


def test_start_past_the_end(pictures, clip):
    for source, total in ((pictures, 12), (clip, 40)):
        with pytest.raises(InputError, match=f"has {total} frames, so none from {total} on"):
            open_frames(source, start=total)


def test_start_past_the_end_of_a_video_of_unknown_length(clip, monkeypatch):
    monkeypatch.setattr("vos.video.decoding.Video._count", lambda self: None)
    with open_frames(clip, start=40) as reader:
        assert reader.count is None
        with pytest.raises(InputError, match="ends before frame 40"):
            next(reader)


@pytest.mark.parametrize(
    "options",
    [{"start": -1}, {"stride": 0}, {"start": 5, "end": 5}, {"end": 0}, {"max_size": 0}],
)
def test_choices_that_make_no_sense(pictures, options):
    with pytest.raises(InputError, match=r"expected|no frames between"):
        open_frames(pictures, **options)
