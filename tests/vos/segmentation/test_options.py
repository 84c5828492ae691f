"""Options of outputs and prompts."""

import pytest

from vos.errors import InputError
from vos.segmentation.options import OutputOptions


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_overlay_rates_that_are_none(rate):
    with pytest.raises(InputError, match="overlay fps"):
        OutputOptions(overlay_fps=rate)
