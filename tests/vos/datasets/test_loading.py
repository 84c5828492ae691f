"""Benchmark folders: what is said when something is missing; real folders."""

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


def test_all_that_is_missing_is_said_at_once(davis):
    add_set(davis, ["goat", "bear", "cows", "dog", "fox"])
    add_sequence(davis, "dog", {0: mask(1)}, images=0)
    add_sequence(davis, "fox", {0: mask(1), 1: mask(1)}, images=1)
    (davis / "JPEGImages/480p/goat/00000.jpg").unlink()
    add_image(davis / "JPEGImages/480p/bear/00000.jpg", size=(40, 60))
    with pytest.raises(InputError) as caught:
        load_dataset(davis)
    text = str(caught.value)
    assert "DAVIS 2017, set val, is not complete" in text
    assert "- goat: annotated frames without an image: 00000" in text
    assert "- bear: frame 00000 is 60x40 pixels, its annotation 30x20" in text
    assert "- cows: no images" in text
    assert "- dog: no images" in text
    assert "- fox: annotated frames without an image: 00001" in text
    assert "https://davischallenge.org" in text


def test_images_without_annotations(davis):
    for path in (davis / "Annotations/480p/goat").iterdir():
        path.unlink()
    for images in (True, False):
        with pytest.raises(InputError, match="goat: no annotations"):
            load_dataset(davis, images=images)


def test_no_dataset_there(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        load_dataset(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no dataset here"):
        load_dataset(tmp_path)


def test_real_davis_folders(shared_data):
    dev = load_dataset(shared_data / "davis-dev")
    assert (len(dev.sequences), dev.frame_count) == (10, 676)
    train = load_dataset(shared_data / "davis-train", "train")
    assert (len(train.sequences), train.frame_count) == (8, 396)
    many = load_dataset(shared_data / "davis-scoring/DAVIS", images=False)
    assert sum(len(s.prompts["00000"]) for s in many.sequences) == 19
