"""What makes a sequence unusable."""

import pytest

from vos.datasets.loading import load_dataset
from vos.errors import InputError


def test_a_first_frame_without_annotation(davis):
    (davis / "Annotations/480p/goat/00000.png").unlink()
    with pytest.raises(InputError, match="goat: its first frame 00000 has no annotation"):
        load_dataset(davis)


def test_an_unreadable_image_is_named(davis):
    (davis / "JPEGImages/480p/goat/00000.jpg").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"goat.00000\.jpg: not a readable image"):
        load_dataset(davis)
