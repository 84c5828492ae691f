"""Options of outputs and prompts."""

import pytest

from vos.errors import InputError
from vos.segmentation.options import OutputOptions, ways_to_a_mask


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_overlay_rates_that_are_none(rate):
    with pytest.raises(InputError, match="overlay fps"):
        OutputOptions(overlay_fps=rate)


def test_ways_to_a_mask_name_the_video_as_a_shell_takes_it():
    text = ways_to_a_mask("my clip.mp4")
    assert "vos frame 'my clip.mp4' -n 0 -o frame.png" in text
    for way in ("paint program", "LabelMe", "CVAT", "COCO", "--snap-mask"):
        assert way in text
