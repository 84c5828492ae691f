"""DAVIS in the layouts of its releases."""

import numpy as np
import pytest
from PIL import Image

from tests.data.dataset_folders import add_image, add_sequence, add_set, mask
from vos.datasets.loading import load_dataset
from vos.errors import InputError
from vos.masks.io import write_mask


def test_davis_2017_keeps_the_sets_order(davis):
    dataset = load_dataset(davis)
    assert (dataset.name, dataset.subset, dataset.frame_count) == ("DAVIS 2017", "val", 6)
    assert [s.name for s in dataset.sequences] == ["goat", "bear"]
    goat = dataset.sequences[0]
    assert goat.frame_names == tuple(goat.annotations) == ("00000", "00001", "00002")
    assert goat.prompts == {"00000": (1, 2)}


def test_a_later_id_is_no_object_in_davis(davis):
    write_mask(davis / "Annotations/480p/goat/00002.png", mask(1, 2, 3))
    assert load_dataset(davis).sequences[0].prompts == {"00000": (1, 2)}


def test_full_resolution(davis):
    add_sequence(davis, "goat", {0: mask(4)}, sub="Full-Resolution")
    found = load_dataset(davis, resolution="Full-Resolution", sequences=["goat"])
    assert found.sequences[0].prompts == {"00000": (4,)}


def test_unsupervised_annotations(davis):
    add_sequence(davis, "bear", {0: mask(7)}, kind="Annotations_unsupervised")
    found = load_dataset(davis, task="unsupervised", sequences=["bear"], images=False)
    assert found.name == "DAVIS 2019 unsupervised"
    assert found.sequences[0].prompts == {"00000": (7,)}


def test_unsupervised_test_sets_are_those_of_2019(davis):
    add_sequence(davis, "bear", {0: mask(7)}, kind="Annotations_unsupervised")
    add_set(davis, ["bear"], "2019", "test-dev")
    found = load_dataset(davis, "test-dev", task="unsupervised", images=False)
    assert [s.name for s in found.sequences] == ["bear"]


def test_davis_2016_of_the_2017_release_makes_one_object_and_keeps_void(davis):
    write_mask(davis / "Annotations/480p/goat/00000.png", mask(1, 2, 255))
    add_set(davis, ["goat"], "2016")
    sequence = load_dataset(davis, year=2016).sequences[0]
    assert sequence.prompts == {"00000": (1,)}
    assert np.array_equal(sequence.read_annotation("00000"), mask(1, 1, 255))


def test_davis_2016_of_its_own_release_is_white_on_black(tmp_path):
    folder = tmp_path / "Annotations/480p/bear"
    folder.mkdir(parents=True)
    for t in range(3):
        Image.fromarray(mask(255)).save(folder / f"{t:05d}.png")
        add_image(tmp_path / f"JPEGImages/480p/bear/{t:05d}.jpg")
    lines = [
        f"/JPEGImages/480p/bear/{t:05d}.jpg /Annotations/480p/bear/{t:05d}.png" for t in (0, 1)
    ]
    add_set(tmp_path, lines, "480p")
    sequence = load_dataset(tmp_path, year=2016).sequences[0]
    assert sequence.prompts == {"00000": (1,)}
    assert np.array_equal(sequence.read_annotation("00001"), mask(1))


def test_a_set_that_does_not_exist_names_those_that_do(davis):
    add_set(davis, ["goat"], "2016", "train")
    with pytest.raises(InputError, match=r"(?s)no set 'vall'.*there: 2016/train, 2017/val") as e:
        load_dataset(davis, "vall")
    assert "Download from" in str(e.value)


def test_a_resolution_that_is_not_there(davis):
    with pytest.raises(InputError, match=r"no folder .*1080p \(resolutions there: 480p\)"):
        load_dataset(davis, resolution="1080p")


def test_a_year_without_a_davis(davis):
    with pytest.raises(InputError, match="DAVIS of 2018"):
        load_dataset(davis, year=2018)
