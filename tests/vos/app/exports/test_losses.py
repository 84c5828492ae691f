"""Sentences on what is lost, with their numbers."""

import numpy as np

from tests.vos.app.exports.conftest import Arrays, ring
from vos.app.exports.losses import MaskLosses
from vos.app.exports.source import MarkedFrame
from vos.segmentation.sinks.result import Result


def of(*masks):
    source = Arrays(list(masks))
    losses = MaskLosses()
    for number, ids in enumerate(masks):
        losses.add(MarkedFrame(Result(source.frame(number), ids, None, ())))
    return losses


def test_nothing_is_lost_of_whole_objects():
    losses = of(np.where(ring() == 1, 0, ring() * 0 + 3).astype(np.uint8)[:, 30:])
    assert losses.further_pieces("x") == losses.void() == losses.joined_holes() == []


def test_counts_are_of_all_objects_and_frames():
    ids = ring()
    ids[32:34, 7:9] = 0  # a hole in the other object too
    losses = of(ids, ring(), ring() * 0)
    assert losses.joined_holes() == [
        "3 holes of 2 objects in 2 frames are joined to the outline by a line of no width; no "
        "pixel is lost."
    ]
    assert losses.further_pieces("is kept") == [
        "2 further pieces of 1 object in 2 frames: each is kept."
    ]
