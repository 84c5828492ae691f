"""Fixtures that the tests of this wing share."""

from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from vos.video.writer import VideoWriter


@pytest.fixture
def pictures(tmp_path):
    """A folder of twelve 24x32 pictures; picture i is i everywhere."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i in range(12):
        Image.fromarray(np.full((24, 32, 3), i, np.uint8)).save(folder / f"frame{i}.png")
    return folder


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """An H.264 clip of 40 frames, 48x64, each brighter than the one before."""
    path = tmp_path_factory.mktemp("clip") / "ramp.mp4"
    with VideoWriter(path, Fraction(30000, 1001)) as writer:
        for i in range(40):
            writer.write(np.full((48, 64, 3), 20 + 5 * i, np.uint8))
    return path
