"""Fixtures that the tests of this wing share."""

import pytest

from tests.data.predictions import square
from vos.masks.io import write_mask


@pytest.fixture
def folders(tmp_path):
    """Two sequences of 4 and 5 frames, truth and a prediction that is half wrong on `b`."""
    for name, frames in (("a", 4), ("b", 5)):
        for t in range(frames):
            wrong = name == "b" and t > 1
            for kind, column in (("truth", 5), ("found", 25 if wrong else 5)):
                path = tmp_path / kind / name / f"{t:05d}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                write_mask(path, square(3, column))
    return tmp_path / "found", tmp_path / "truth"
