"""A folder of photographs for the tests of this wing."""

import pytest

from benchmarks.speed.loader import photo_jpegs
from tests.pretrain.data.pictures import photo


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, data in enumerate(photo_jpegs([photo(50, 60, s) for s in range(11)], 48)):
        (folder / f"{number}.jpg").write_bytes(data)
    return folder
