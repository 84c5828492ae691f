"""A DAVIS folder made on the spot, and the benchmark's command line, for its tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np

from benchmarks.cli import VERBS
from vos.cli.verbs import run_verbs
from vos.masks.io import write_mask

LENGTHS = {"bear": 6, "crow": 9, "deer": 5}
OPTIONS = (
    "--backbone", "efficientnet_lite0", "--device", "cpu", "--precision", "fp32",
    "--short-side", "64", "--size-multiple", "32",
)  # fmt: skip
HEIGHT, WIDTH = 64, 96


def bench(*arguments: object) -> int:
    """Run `vos-bench` in this process."""
    return run_verbs("vos-bench", "Test.", VERBS, list(map(str, arguments)))


def davis(data: Path, out: Path, *arguments: object) -> int:
    """Run `vos-bench davis` with the small settings."""
    return bench("davis", "--data", data, "--out", out, "--processes", "1", *OPTIONS, *arguments)


def ids_at(t: int, objects: tuple[int, ...]) -> np.ndarray:
    """Make a mask with squares that move to the right."""
    ids = np.zeros((HEIGHT, WIDTH), np.uint8)
    for place, number in enumerate(objects):
        top, left = 4 + 30 * place, 8 + 3 * t
        ids[top : top + 24, left : left + 28] = number
    return ids


def write_sequence(
    images: Path, masks: Path, length: int, seed: int, objects: tuple[int, ...] = (1, 2)
) -> None:
    """Write frames whose objects are bright on a noisy ground, with all masks."""
    ground = np.random.default_rng(seed).integers(0, 120, (HEIGHT, WIDTH, 3), np.uint8)
    images.mkdir(parents=True)
    masks.mkdir(parents=True)
    for t in range(length):
        ids = ids_at(t, objects)
        frame = ground.copy()
        for number in objects:
            frame[ids == number] = (250, 60 + 80 * number, 40 * number)
        cv2.imwrite(str(images / f"{t:05d}.png"), cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        write_mask(masks / f"{t:05d}.png", ids)


def make_davis(root: Path, lengths: dict[str, int] | None = None) -> Path:
    """Write a DAVIS 2017 folder."""
    lengths = lengths or LENGTHS
    for seed, (name, length) in enumerate(lengths.items()):
        write_sequence(
            root / "JPEGImages" / "480p" / name, root / "Annotations" / "480p" / name, length, seed
        )
    listing = root / "ImageSets" / "2017" / "val.txt"
    listing.parent.mkdir(parents=True)
    listing.write_text("\n".join(lengths) + "\n")
    shutil.copy(listing, listing.with_name("train.txt"))
    return root
