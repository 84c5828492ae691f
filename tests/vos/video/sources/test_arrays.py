"""Frames in memory, and from generators, as a source."""

from pathlib import Path

import numpy as np
import pytest
import torch

from vos.errors import InputError
from vos.video.reader import open_frames


def pictures(count=5):
    return [np.full((6, 8, 3), 10 * i, np.uint8) for i in range(count)]


def one_buffer():
    buffer = np.zeros((6, 8, 3), np.uint8)
    for picture in pictures():
        buffer[:] = picture
        yield buffer


@pytest.mark.parametrize(
    ("source", "count"),
    [
        (pictures, 5),
        (lambda: tuple(pictures()), 5),
        (lambda: np.stack(pictures()), 5),
        (lambda: iter(pictures()), None),
        (one_buffer, None),
        (lambda: list(open_frames(pictures())), 5),
        (lambda: open_frames(pictures()), None),
    ],
)
def test_all_kinds_give_the_same_frames(source, count):
    with open_frames(source()) as reader:
        frames = list(reader)
    assert (reader.count, reader.kind, reader.files) == (count, "arrays", ())
    assert [f.index for f in frames] == list(range(5))
    assert [f.name for f in frames][:2] == ["00000", "00001"]
    assert [int(f.image.max()) for f in frames] == [0, 10, 20, 30, 40]


def test_a_range_of_them_is_taken():
    for source in (pictures(), iter(pictures())):
        with open_frames(source, start=1, end=4, stride=2, max_size=4) as reader:
            frames = list(reader)
        assert [f.index for f in frames] == [1, 3]
        assert frames[0].image.shape == (3, 4, 3)


def test_an_endless_generator_is_read_to_the_end_that_was_asked_for():
    def endless():
        while True:
            yield pictures()[0]

    with open_frames(endless(), end=3) as reader:
        assert len(list(reader)) == 3


def test_an_error_of_the_generator_comes_out_at_its_place():
    def broken():
        yield from pictures(2)
        raise ValueError("camera unplugged")

    with open_frames(broken()) as reader:
        assert [next(reader).index, next(reader).index] == [0, 1]
        with pytest.raises(ValueError, match="camera unplugged"):
            next(reader)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (0, "a source of frames is expected, and int was given.*camera:0"),
        (None, "and NoneType was given"),
        ([], "the list of frames is empty"),
        (np.zeros((0, 6, 8, 3), np.uint8), r"array of uint8, \(0, 6, 8, 3\), and has none"),
        (np.zeros((), np.uint8), r"array of uint8, \(\), and has none"),
        (np.array(["1.png", "2.png"]), "an array of names was given as the frames; give a list"),
        (np.array([Path("1.png")]), "an array of names"),
        (iter([]), "the list_iterator of frames gives none"),
        (Path(__file__).parent.glob("*.py"), "gives paths, in no sure order; give a list"),
        ([np.zeros((6, 8), np.uint8)], r"frame 0 is an array of uint8, \(6, 8\); expected"),
        ([np.zeros((6, 8, 3))], "frame 0 is an array of float64"),
        ([torch.zeros(6, 8, 3)], "frame 0 is Tensor; expected an array, RGB uint8"),
        ([*pictures(1), "two.png"], "frame 1 is str"),
        ([*pictures(1), np.zeros((4, 8, 3), np.uint8)], "frame 1 is 8x4 pixels"),
    ],
)
def test_what_is_no_source_is_named(source, text):
    with pytest.raises(InputError, match=text), open_frames(source) as reader:
        list(reader)


def test_a_start_past_the_end_is_refused():
    for source in (pictures(), iter(pictures())):
        with pytest.raises(InputError, match="start"), open_frames(source, start=9) as reader:
            list(reader)
