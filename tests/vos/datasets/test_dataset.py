"""Names and files of a set's sequences."""

import pytest

from tests.data.dataset_folders import add_image
from vos.datasets.loading import load_dataset
from vos.errors import InputError


def test_a_sequence_that_is_not_in_the_set(davis):
    with pytest.raises(InputError, match="no sequences lion; there are goat, bear"):
        load_dataset(davis, sequences=["goat", "lion"])


def test_two_files_of_one_frame(davis):
    add_image(davis / "JPEGImages/480p/goat/00001.bmp")
    with pytest.raises(InputError, match=r"00001\.(bmp|jpg) and 00001\.(bmp|jpg) are the same"):
        load_dataset(davis)
