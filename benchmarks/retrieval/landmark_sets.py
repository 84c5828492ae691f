"""Revisited Oxford and Paris in their published layout (F. Radenovic et al., CVPR 2018).

    <root>/<dataset>/gnd_<dataset>.pkl    (or .json, with the same contents)
    <root>/<dataset>/jpg/<image>.jpg

The truth holds `imlist` (database), `qimlist` (queries) and, for each query in `gnd`, indexes
`easy`, `hard` and `junk` into the database, and `bbx`, the box of what is asked for.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.features.image_sets import ImageSet
from benchmarks.retrieval.plain_pickle import read_plain_pickle
from benchmarks.retrieval.rankings import Truth
from pretrain.sources.archives import FolderSource
from vos.errors import InputError

_IMAGES = "jpg"


@dataclass(frozen=True, eq=False)
class BoxedSet(ImageSet):
    """Images of which a box is cut out before the network sees them."""

    boxes: tuple[tuple[float, float, float, float], ...] = ()
    """Left, upper, right, lower, in pixels; one an image."""

    def pixels(self, number: int) -> NDArray[np.uint8]:
        """Return the box of an image as RGB uint8 (H, W, 3)."""
        left, upper, right, lower = (round(v) for v in self.boxes[number])
        cut = super().pixels(number)[max(upper, 0) : lower, max(left, 0) : right]
        if not cut.size:
            raise InputError(f"{self.name(number)}: its box {self.boxes[number]} is empty")
        return np.ascontiguousarray(cut)

    def fingerprint(self) -> str:
        """Return a hash that changes with the boxes too."""
        images_and_boxes = super().fingerprint() + repr(self.boxes)
        return hashlib.sha256(images_and_boxes.encode()).hexdigest()


@dataclass(frozen=True)
class Landmarks:
    """One dataset: database, queries, and what each query should find."""

    name: str
    database: ImageSet
    queries: ImageSet
    truths: tuple[Truth, ...]


def open_landmarks(root: Path, name: str, *, crop_queries: bool) -> Landmarks:
    """Open a dataset.

    Raises:
        InputError: files are missing, or the truth does not fit the images.
    """
    folder = root / name
    truth = _read_truth(folder, name)
    try:
        images, queries = list(truth["imlist"]), list(truth["qimlist"])
        entries = list(truth["gnd"])
        truths = tuple(_truth(entry, len(images), name, i) for i, entry in enumerate(entries))
        boxes = tuple(_box(entry) for entry in entries) if crop_queries else ()
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"the truth of {folder} lacks {error}; expected imlist, qimlist and gnd with easy, "
            "hard and junk (and bbx to crop queries)"
        ) from None
    if len(queries) != len(truths):
        raise InputError(f"{folder}: {len(queries)} queries, but truth for {len(truths)}")
    asked_for = image_list(folder / _IMAGES, queries)
    if boxes:
        asked_for = BoxedSet(asked_for.source, "", asked_for.indexes, asked_for.labels, (), boxes)
    return Landmarks(name, image_list(folder / _IMAGES, images), asked_for, truths)


def image_list(folder: Path, names: list[str]) -> ImageSet:
    """Return the JPEGs of these names, without their ending, in this order.

    Raises:
        InputError: some are missing, or no name is given.
    """
    files = [f"{name}.jpg" for name in names]
    if not files:
        raise InputError(f"the truth beside {folder} lists no images, or no queries")
    missing = [file for file in files if not (folder / file).is_file()]
    if missing:
        raise InputError(
            f"{folder} lacks {len(missing)} of {len(files)} images, such as {missing[0]}"
        )
    everything = np.arange(len(files))
    return ImageSet(FolderSource(folder, files), "", everything, np.zeros_like(everything))


def _read_truth(folder: Path, name: str) -> dict[str, Any]:
    pickled, written = folder / f"gnd_{name}.pkl", folder / f"gnd_{name}.json"
    if written.is_file():
        try:
            truth = json.loads(written.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(f"{written} is not JSON: {error}") from None
    elif pickled.is_file():
        truth = read_plain_pickle(pickled)
    else:
        raise InputError(f"no truth: neither {pickled} nor {written.name} is there")
    if not isinstance(truth, dict):
        raise InputError(f"the truth of {folder} is a {type(truth).__name__}; expected a dict")
    return truth


def _truth(entry: dict[str, Any], size: int, name: str, query: int) -> Truth:
    parts = [np.array(entry[kind], dtype=np.int64) for kind in ("easy", "hard", "junk")]
    named = np.concatenate(parts)
    if len(named) and not 0 <= named.min() <= named.max() < size:
        raise InputError(
            f"{name}, query {query}: the truth names image {named.max()} of a database of {size}"
        )
    return Truth(*parts)


def _box(entry: dict[str, Any]) -> tuple[float, float, float, float]:
    left, upper, right, lower = (float(v) for v in entry["bbx"])
    return left, upper, right, lower
