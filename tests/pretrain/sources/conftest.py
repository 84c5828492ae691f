"""A folder of images for the tests of this wing."""

import pytest

from tests.pretrain.sources.archives import jpeg


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "photos"
    for name in (
        "a/2.jpg",
        "a/10.jpg",
        "b/deep/1.PNG",
        ".hidden/x.jpg",
        "a/notes.txt",
        "a/._2.jpg",
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg())
    return root
