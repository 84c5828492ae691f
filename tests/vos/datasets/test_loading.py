"""Benchmark folders: what is said when something is missing; real folders."""

import pytest

from tests.data.dataset_folders import add_image, add_sequence, add_set, mask
from vos.datasets.loading import load_dataset
from vos.errors import InputError


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
