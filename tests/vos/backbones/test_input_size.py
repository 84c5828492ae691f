"""The protocol's size rule."""

import pytest

from vos.backbones.loading import load_backbone
from vos.errors import InputError


@pytest.fixture(scope="module")
def built_in():
    return load_backbone("efficientnet_lite0", device="cpu", precision="fp32")


@pytest.mark.parametrize(
    ("size", "want"),
    [
        ((480, 854), (480, 832)),  # DAVIS
        ((480, 910), (480, 896)),
        ((1080, 1920), (480, 832)),
        ((854, 480), (832, 480)),
        ((480, 480), (480, 448)),  # the longer side is rounded to 64, and neither is longer
        ((100, 400), (480, 1920)),
        ((481, 480), (448, 480)),
    ],
)
def test_size_rule_of_the_protocol(vits16, built_in, size, want):
    assert vits16.input_size(*size) == want
    assert built_in.input_size(*size) == want


def test_size_rule_with_other_numbers(vits16):
    assert vits16.input_size(480, 854, short_side=960) == (960, 1664)
    assert vits16.input_size(480, 854, short_side=100, size_multiple=16) == (96, 176)
    assert vits16.input_size(480, 854, size_multiple=1) == (480, 848)
    assert vits16.input_size(483, 857, short_side=0) == (480, 848)
    assert vits16.input_size(16, 16, short_side=0) == (16, 16)


@pytest.mark.parametrize(("size", "short"), [((15, 100), 0), ((100, 100), 8), ((100, 15), 0)])
def test_frames_without_a_whole_patch_are_refused(vits16, size, short):
    with pytest.raises(InputError, match="no patch of 16 pixels"):
        vits16.input_size(*size, short_side=short)
