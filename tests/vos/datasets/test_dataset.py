"""Names and files of a set's sequences."""

import numpy as np
import pytest
from PIL import Image

from vos.datasets.loading import load_dataset
from vos.errors import InputError
from vos.masks.io import write_mask

SIZE = (20, 30)


def mask(*ids):
    """A mask with a small square of each id."""
    array = np.zeros(SIZE, np.uint8)
    for place, number in enumerate(ids):
        array[2:8, 1 + 6 * place : 6 + 6 * place] = number
    return array


def add_image(path, size=SIZE):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size[::-1]).save(path)


def add_sequence(root, name, masks, *, sub="480p", kind="Annotations", images=None):
    """Write masks by frame number, and an image for each frame number up to `images`."""
    for frame, array in masks.items():
        path = root / kind / sub / name / f"{frame:05d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_mask(path, array)
    for frame in range(len(masks) if images is None else images):
        add_image(root / "JPEGImages" / sub / name / f"{frame:05d}.jpg")


def add_set(root, lines, folder="2017", name="val"):
    path = root / "ImageSets" / folder / f"{name}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def davis(tmp_path):
    for name in ("goat", "bear"):
        add_sequence(tmp_path, name, {t: mask(1, 2) for t in range(3)})
    add_set(tmp_path, ["goat", "bear"])
    return tmp_path


def test_a_sequence_that_is_not_in_the_set(davis):
    with pytest.raises(InputError, match="no sequences lion; there are goat, bear"):
        load_dataset(davis, sequences=["goat", "lion"])


def test_two_files_of_one_frame(davis):
    add_image(davis / "JPEGImages/480p/goat/00001.bmp")
    with pytest.raises(InputError, match=r"00001\.(bmp|jpg) and 00001\.(bmp|jpg) are the same"):
        load_dataset(davis)
