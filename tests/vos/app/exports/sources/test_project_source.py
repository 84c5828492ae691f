"""The masks of a project's state as the source of an export."""

from types import SimpleNamespace

import numpy as np
import pytest

from vos.app.exports.sources.project_source import ProjectMasks
from vos.errors import InputError

STATE = {
    "objects/2": {"name": "cat", "color": [1, 2, 3], "hidden": False, "locked": False},
    "frames/4": {"mask": "d", "areas": {"2": 9}, "confidence": {"2": 0.5, "3": 0.1}},
}


def frames(**values):
    known = {"kind": "video", "size": (3, 4), "fps": None, "count": 9, "count_is_exact": True,
             "is_indexed": True, "frame_name": "{:05d}".format}  # fmt: skip
    return SimpleNamespace(**{**known, **values})


def masks(state=STATE, **values):
    ids = np.full((3, 4), 2, np.uint8)
    return ProjectMasks.of(
        state, {"d": ids}.__getitem__, frames(**values), video="clip.mp4", name="clip",
        should_stop=lambda: True,
    )  # fmt: skip


def test_a_state_is_a_source():
    source = masks()
    assert (source.name, source.count, source.size, source.fps) == ("clip", 9, (3, 4), None)
    assert source.objects == {2: ("cat", (1, 2, 3))}
    assert source.ids(3) is None
    assert (source.ids(4) == 2).all()
    sure = source.confidence(4)
    assert (sure[2].confidence, sure[2].absent, sure[3].absent) == (0.5, False, True)
    assert (source.frame_name(4), source.picture_suffix) == ("00004", ".png")


def test_a_source_that_cannot_be_counted_reaches_to_the_last_mask():
    assert masks(count=None, count_is_exact=False).count == 5
    with pytest.raises(InputError, match="stopped before the frames were counted"):
        masks(count_is_exact=False, is_indexed=False)


def test_a_state_without_masks_is_refused():
    with pytest.raises(InputError, match="no masks to export"):
        masks({"objects/2": STATE["objects/2"]})
