"""Benchmark folders as sequences: every layout, and what is said when something is missing."""

import json

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


@pytest.fixture
def youtube(tmp_path):
    """One video of five frames with masks on three; object 3 appears in frame 10."""
    masks = {0: mask(1), 10: mask(1, 3), 20: mask(1, 3)}
    root = tmp_path / "youtube"
    add_sequence(root / "valid", "0a7c", masks, sub="", images=0)
    for frame in (0, 5, 10, 15, 20):
        add_image(root / "valid/JPEGImages/0a7c" / f"{frame:05d}.jpg")
    return root


def write_meta(root, objects):
    (root / "valid/meta.json").write_text(json.dumps({"videos": {"0a7c": {"objects": objects}}}))


def test_youtube_vos_objects_start_where_meta_says(youtube):
    one = {"category": "ape", "frames": ["00000", "00005"]}
    write_meta(youtube, {"1": one, "3": {"category": "cat", "frames": ["00010"]}})
    dataset = load_dataset(youtube)
    sequence = dataset.sequences[0]
    assert dataset.name == "YouTube-VOS"
    assert sequence.frame_names == ("00000", "00005", "00010", "00015", "00020")
    assert list(sequence.annotations) == ["00000", "00010", "00020"]
    assert sequence.prompts == {"00000": (1,), "00010": (3,)}
    assert set(np.unique(sequence.read_prompt("00010"))) == {0, 3}


def test_mose_and_lvos_objects_start_where_the_masks_say(youtube):
    assert load_dataset(youtube).sequences[0].prompts == {"00000": (1,), "00010": (3,)}


def test_a_meta_file_without_frames_leaves_it_to_the_masks(youtube):
    write_meta(youtube, {"1": {"frame_range": {}}, "3": {"frame_range": {}}})
    assert load_dataset(youtube).sequences[0].prompts == {"00000": (1,), "00010": (3,)}


def test_the_folder_of_a_split_itself_will_do(youtube):
    assert load_dataset(youtube / "valid").sequences[0].name == "0a7c"


def test_a_broken_meta_file_is_named(youtube):
    (youtube / "valid/meta.json").write_text('{"clips": 3}')
    with pytest.raises(InputError, match=r"meta\.json: expected YouTube-VOS's JSON"):
        load_dataset(youtube)


def test_any_folder_of_sequences_in_natural_order(tmp_path):
    for name in ("clip10", "clip2"):
        add_sequence(tmp_path, name, {t: mask(5) for t in (2, 10)}, images=0)
    dataset = load_dataset(tmp_path / "Annotations/480p", images=False)
    assert [s.name for s in dataset.sequences] == ["clip2", "clip10"]
    assert dataset.subset == "all"
    assert dataset.sequences[0].frame_names == ("00002", "00010")


def test_one_folder_of_masks_is_one_sequence_and_white_is_an_object(tmp_path, monkeypatch):
    Image.fromarray(mask(255)).save(tmp_path / "0.png")
    sequence = load_dataset(tmp_path, images=False).sequences[0]
    assert sequence.prompts == {"0": (1,)}
    monkeypatch.chdir(tmp_path)
    assert load_dataset(".", images=False).sequences[0].name == tmp_path.name


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


def test_a_first_frame_without_annotation(davis):
    (davis / "Annotations/480p/goat/00000.png").unlink()
    with pytest.raises(InputError, match="goat: its first frame 00000 has no annotation"):
        load_dataset(davis)


def test_an_unreadable_image_is_named(davis):
    (davis / "JPEGImages/480p/goat/00000.jpg").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"goat.00000\.jpg: not a readable image"):
        load_dataset(davis)


def test_a_set_that_does_not_exist_names_those_that_do(davis):
    add_set(davis, ["goat"], "2016", "train")
    with pytest.raises(InputError, match=r"(?s)no set 'vall'.*there: 2016/train, 2017/val") as e:
        load_dataset(davis, "vall")
    assert "Download from" in str(e.value)


def test_a_resolution_that_is_not_there(davis):
    with pytest.raises(InputError, match=r"no folder .*1080p \(resolutions there: 480p\)"):
        load_dataset(davis, resolution="1080p")


def test_a_sequence_that_is_not_in_the_set(davis):
    with pytest.raises(InputError, match="no sequences lion; there are goat, bear"):
        load_dataset(davis, sequences=["goat", "lion"])


def test_a_year_without_a_davis(davis):
    with pytest.raises(InputError, match="DAVIS of 2018"):
        load_dataset(davis, year=2018)


def test_no_dataset_there(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        load_dataset(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no dataset here"):
        load_dataset(tmp_path)


def test_two_files_of_one_frame(davis):
    add_image(davis / "JPEGImages/480p/goat/00001.bmp")
    with pytest.raises(InputError, match=r"00001\.(bmp|jpg) and 00001\.(bmp|jpg) are the same"):
        load_dataset(davis)


def test_real_davis_folders(shared_data):
    dev = load_dataset(shared_data / "davis-dev")
    assert (len(dev.sequences), dev.frame_count) == (10, 676)
    train = load_dataset(shared_data / "davis-train", "train")
    assert (len(train.sequences), train.frame_count) == (8, 396)
    many = load_dataset(shared_data / "davis-scoring/DAVIS", images=False)
    assert sum(len(s.prompts["00000"]) for s in many.sequences) == 19
