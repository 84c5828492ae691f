"""Plain folders of masks as sequences."""

import numpy as np
from PIL import Image

from vos.datasets.loading import load_dataset
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
