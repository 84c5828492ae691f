"""Make small sets with known truth, in the layouts of Copydays and of revisited Oxford.

    python tools/small_retrieval_sets.py IMAGES OUT [--originals 40] [--others 200] [--seed 0]

IMAGES is a folder, a zip archive, or archive.zip/folder. Copies are made by cropping, turning,
JPEG, blur and gray, so that what each should find is known. Writes OUT/copydays, OUT/distractors,
OUT/whitening and OUT/landmarks/altered (gnd_altered.json), for

    vos-bench copy-detection --root OUT/copydays --distractors OUT/distractors \
        --whitening OUT/whitening -o ...
    vos-bench retrieval --root OUT/landmarks --datasets altered -o ...
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.features.image_sets import ImageSet, open_images
from vos.errors import InputError
from vos.files import write_json

Picture = NDArray[np.uint8]


def cropped(image: Picture, share: float) -> Picture:
    """Keep the centre, so much of each side."""
    rows, columns = (max(int(side * share), 1) for side in image.shape[:2])
    top, left = (image.shape[0] - rows) // 2, (image.shape[1] - columns) // 2
    return image[top : top + rows, left : left + columns]


def turned(image: Picture, degrees: float) -> Picture:
    """Turn around the centre; what comes in at the corners is black."""
    rows, columns = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((columns / 2, rows / 2), degrees, 1.0)
    return np.asarray(cv2.warpAffine(image, matrix, (columns, rows)))


def blurred(image: Picture) -> Picture:
    """Blur with a Gaussian of 3 pixels."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 3))


def gray(image: Picture) -> Picture:
    """Take the colours away."""
    return np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)


STRONG: tuple[Callable[[Picture], Picture], ...] = (
    lambda image: turned(cropped(image, 0.6), 15),
    lambda image: gray(cropped(image, 0.8)),
    lambda image: np.ascontiguousarray(blurred(image)[:, ::-1]),
)
"""Strong copies: crop and turn; crop and gray; blur and mirror."""
EASY: tuple[Callable[[Picture], Picture], ...] = (
    lambda image: cropped(image, 0.9),
    lambda image: turned(image, 3),
)
"""Alterations that a query of the retrieval set should find easily; the strong ones are hard."""


def write(path: Path, image: Picture, quality: int = 90) -> None:
    """Write a JPEG of RGB pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    bgr = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2BGR)
    if not cv2.imwrite(str(path), bgr, [cv2.IMWRITE_JPEG_QUALITY, quality]):
        raise OSError(f"{path} cannot be written")


def make_copies(root: Path, originals: list[Picture]) -> None:
    """Write Copydays' layout: original, strong, JPEG of quality 10, crops to half the area."""
    for number, image in enumerate(originals):
        name = f"{number:04d}00.jpg"
        write(root / "original" / name, image)
        for kind, alter in enumerate(STRONG, 1):
            write(root / "strong" / f"{number:04d}{kind:02d}.jpg", alter(image))
        write(root / "jpegqual/10" / name, image, quality=10)
        write(root / "crops/50" / name, cropped(image, 0.5**0.5))


def make_landmarks(root: Path, originals: list[Picture], others: list[Picture]) -> None:
    """Write revisited Oxford's layout: each original asks for its altered copies among others."""
    database: list[str] = []
    truths = []

    def add(name: str, image: Picture) -> int:
        write(root / "jpg" / f"{name}.jpg", image)
        database.append(name)
        return len(database) - 1

    for number, image in enumerate(originals):
        easy = [add(f"{number:04d}_easy{k}", alter(image)) for k, alter in enumerate(EASY)]
        hard = [add(f"{number:04d}_hard{k}", alter(image)) for k, alter in enumerate(STRONG)]
        write(root / "jpg" / f"{number:04d}_query.jpg", image)
        sides = [0, 0, image.shape[1], image.shape[0]]
        truths.append({"easy": easy, "hard": hard, "junk": [], "bbx": sides})
    for number, image in enumerate(others):
        add(f"other_{number:04d}", image)
    queries = [f"{number:04d}_query" for number in range(len(originals))]
    truth = {"imlist": database, "qimlist": queries, "gnd": truths}
    write_json(root / f"gnd_{root.name}.json", truth)


def draw(images: ImageSet, counts: list[int], seed: int) -> list[list[Picture]]:
    """Draw disjoint lists of pictures.

    Raises:
        InputError: there are too few.
    """
    if sum(counts) > len(images):
        raise InputError(f"{sum(counts)} images are needed; there are {len(images)}")
    order = np.random.default_rng(seed).permutation(len(images))
    lists, start = [], 0
    for count in counts:
        lists.append([images.pixels(int(n)) for n in order[start : start + count]])
        start += count
    return lists


def main(argv: list[str] | None = None) -> int:
    """Make the sets."""
    parser = argparse.ArgumentParser(description="Make small retrieval sets with known truth.")
    parser.add_argument("images")
    parser.add_argument("out", type=Path)
    parser.add_argument("--originals", type=int, default=40)
    parser.add_argument("--others", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(argv)
    try:
        counts = [given.originals, given.others, given.others]
        originals, others, whitening = draw(open_images(given.images), counts, given.seed)
    except InputError as error:
        print(f"small_retrieval_sets: error: {error}", file=sys.stderr)
        return 2
    make_copies(given.out / "copydays", originals)
    make_landmarks(given.out / "landmarks" / "altered", originals, others)
    for name, pictures in (("distractors", others), ("whitening", whitening)):
        for number, image in enumerate(pictures):
            write(given.out / name / f"{number:04d}.jpg", image)
    print(f"{given.out}: {len(originals)} originals, {len(others)} others")
    return 0


if __name__ == "__main__":
    sys.exit(main())
