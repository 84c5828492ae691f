"""Samples as pictures to look at."""

import numpy as np
import pytest

from pretrain.sources.mixture import Mixture
from pretrain.sources.previews import center_crop, read_rgb
from tests.pretrain.runs import tiny_vit

__all__ = ["tiny_vit"]


def test_a_probed_image_that_is_broken_is_grey(tmp_path):
    (tmp_path / "x.jpg").write_bytes(b"junk")
    assert (read_rgb(Mixture([str(tmp_path)]), 0) == 128).all()


@pytest.mark.parametrize("shape", [(50, 80), (80, 50), (5, 9), (300, 301)])
def test_the_middle_is_cut(shape):
    image = np.zeros((*shape, 3), np.uint8)
    assert center_crop(image, 32).shape == (32, 32, 3)
