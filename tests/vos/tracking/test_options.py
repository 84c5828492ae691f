"""What is written beside tracks."""

import pytest

from vos.errors import InputError
from vos.tracking.options import TrackOutputs


@pytest.mark.parametrize("wrong", [{"overlay_fps": 0}, {"overlay_fps": float("inf")}, {"tail": -1}])
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(InputError, match="expected"):
        TrackOutputs(**wrong)
