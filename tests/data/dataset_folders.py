"""Folders of datasets in their layouts, made on the spot."""

import numpy as np
from PIL import Image

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
