"""The state of an unfinished run over points on disk."""

import numpy as np
import pytest

from tests.data.moving_texture import CONFIG, POINTS, Filters, moving
from vos.errors import InputError
from vos.tracking.point_tracker import PointTracker
from vos.tracking.snapshot import load_point_state, save_point_state


def test_a_saved_state_goes_on_alike(tmp_path):
    backbone, frames = Filters(), moving()
    whole, again = PointTracker(backbone, CONFIG), PointTracker(backbone, CONFIG)
    for number, frame in enumerate(frames[:5]):
        whole.step(frame, POINTS if number in (0, 2) else None)
    save_point_state(tmp_path / "state.safetensors", whole.state())
    state = load_point_state(tmp_path / "state.safetensors")
    assert state.number == 4
    again.restore(state, dict(enumerate(frames)))
    for frame in frames[5:]:
        want, found = whole.step(frame), again.step(frame)
        assert np.array_equal(found.xy, want.xy)
        assert np.array_equal(found.visible, want.visible)


def test_a_file_that_is_none_is_refused(tmp_path):
    path = tmp_path / "state.safetensors"
    with pytest.raises(InputError, match="cannot be read as the state"):
        load_point_state(path)
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match="start again with --overwrite"):
        load_point_state(path)
