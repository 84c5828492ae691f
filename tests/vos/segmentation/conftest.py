"""Fixtures that the tests of this wing share."""

from fractions import Fraction

import pytest

from tests.data.clips import (
    CONFIG,
    FRAMES,
    Colours,
    picture,
    write_picture,
)
from vos.segmentation.segment import segment_video
from vos.video.writer import VideoWriter


@pytest.fixture(scope="module")
def backbone():
    return Colours()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Eight frames as PNG files, named out of alphabetical order."""
    root = tmp_path_factory.mktemp("frames")
    for number in range(FRAMES):
        write_picture(root / f"frame{number + 5}.png", picture(number)[0])
    return root


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "clip.mp4"
    with VideoWriter(path, Fraction(30000, 1001), crf=5) as writer:
        for number in range(FRAMES):
            writer.write(picture(number)[0])
    return path


@pytest.fixture(scope="module")
def mask():
    return picture(0)[1]


@pytest.fixture
def segment(backbone, mask, tmp_path):
    """Run the main job with the test's backbone; by default into `out`, from the first mask."""

    def run(source, masks=None, out="out", **options):
        options.setdefault("config", CONFIG)
        options.setdefault("backbone", backbone)
        given = mask if masks is None else masks
        return segment_video(source, given, tmp_path / out, **options)

    return run
