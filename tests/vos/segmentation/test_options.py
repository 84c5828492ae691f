"""Options of outputs and prompts."""

import pytest

from vos.errors import InputError
from vos.segmentation.options import OutputOptions, ways_to_a_mask


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_overlay_rates_that_are_none(rate):
    with pytest.raises(InputError, match="overlay fps"):
        OutputOptions(overlay_fps=rate)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"measure_fps": -1, "measure": True}, "measure fps is -1"),
        ({"mark_unsure": 0}, "mark unsure is 0"),
        ({"mark_unsure": 1.5}, "mark unsure is 1.5"),
        ({"mark_unsure": float("nan")}, "mark unsure is nan"),
        ({"mark_unsure": 0.5, "overlay": False}, "the overlay, which is not written"),
        ({"pixel_size": 0.65}, "add --measure"),
        ({"pixel_unit": "um"}, "add --measure"),
        ({"measure_fps": 10}, "add --measure"),
        ({"measure": True, "pixel_unit": "um"}, "add --pixel-size"),
        ({"measure": True, "pixel_size": 0}, "pixel size is 0"),
        ({"measure": True, "pixel_size": float("nan")}, "pixel size is nan"),
        ({"measure": True, "pixel_size": 1, "pixel_unit": "um,x"}, "expected letters"),
        ({"measure": True, "pixel_size": 1, "pixel_unit": ""}, "expected letters"),
    ],
)
def test_options_of_tables_that_are_refused(options, text):
    with pytest.raises(InputError, match=text):
        OutputOptions(**options)


def test_units_of_length():
    assert OutputOptions(measure=True).length_unit == "px"
    assert OutputOptions(measure=True, pixel_size=2).length_unit == "unit"
    assert OutputOptions(measure=True, pixel_size=2, pixel_unit="µm").length_unit == "µm"


def test_what_needs_the_confidence():
    assert not OutputOptions().needs_confidence
    assert OutputOptions(measure=True).needs_confidence
    assert not OutputOptions(measure=True).writes_confidence
    assert OutputOptions(mark_unsure=0.5).writes_confidence
    assert OutputOptions(confidence=True).writes_confidence


def test_ways_to_a_mask_name_the_video_as_a_shell_takes_it():
    text = ways_to_a_mask("my clip.mp4")
    assert "vos frame 'my clip.mp4' -n 0 -o frame.png" in text
    for way in ("paint program", "LabelMe", "CVAT", "COCO", "--snap-mask"):
        assert way in text
