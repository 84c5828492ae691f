"""The small scene of the corpus: frames whose level tells their number, masks, command lines.

The upper left corner of frame n has the level `level(n)`, so that what the network was given says
which frame it was. Two squares, ids 1 and 2, do not move.
"""

from functools import cache

import cv2
import numpy as np
from PIL import Image

from tests.corpus.rows import OUT

HEIGHT, WIDTH = 64, 96
IDS = np.zeros((HEIGHT, WIDTH), np.uint8)
IDS[20:44, 12:36] = 1
IDS[32:56, 60:84] = 2
ONE = (IDS == 1).astype(np.uint8)
WHITE = ONE * 255
COLOURS = ((0, 0, 0), (200, 30, 60), (40, 90, 220))  # of no palette
FAST = ("--short-side", "0", "--neighborhood-radius", "4", "--device", "cpu")


def level(number):
    return 30 + 14 * number


@cache
def picture(number):
    """Return frame `number`, RGB (64, 96, 3) uint8: a flat strip above, noise and two squares."""
    rng = np.random.default_rng(number)
    image = rng.integers(60, 110, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    image[IDS == 1] = (220, 30, 40)
    image[IDS == 2] = (30, 60, 230)
    image[:16] = level(number)
    return image


def coloured(ids, colours=COLOURS):
    """Return ids (H, W) as RGB."""
    return np.array(colours, np.uint8)[ids]


def save(path, array, mode=None, **options):
    """Write an array by Pillow, in the form that the name's ending says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = array if isinstance(array, Image.Image) else Image.fromarray(np.asarray(array))
    (image.convert(mode) if mode else image).save(path, **options)
    return path


@cache
def png(number):
    return cv2.imencode(".png", picture(number)[..., ::-1])[1].tobytes()


def write_frames(folder, count=2, names="{:05d}.png"):
    """Write a folder of frames; returns its name."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        name = names.format(number) if isinstance(names, str) else names[number]
        (folder / name).write_bytes(png(number))
    return folder.name


def segment(source, *masks, options=(), overlay=False):
    """Return the command line of `vos segment` with masks."""
    given = [part for mask in masks for part in ("--mask", mask)]
    shown = () if overlay else ("--no-overlay",)
    return ["vos", "segment", str(source), *given, "-o", OUT, *FAST, *shown, *options]


def first_mask_is(expected):
    """Check that the first frame's mask is this one, void aside."""

    def check(run):
        found = run.mask()
        assert np.array_equal(found, expected), f"ids {np.unique(found, return_counts=True)}"

    return check


def regions_are(values, background=0):
    """Check that the first mask tells the same regions apart as an array of values does."""

    def check(run):
        found = run.mask()
        pairs = set(zip(np.ravel(values).tolist(), np.ravel(found).tolist(), strict=True))
        wanted = set(np.unique(values).tolist())
        assert len(pairs) == len(wanted) == len({to for _, to in pairs}), sorted(pairs)
        assert (background, 0) in pairs, sorted(pairs)
        assert 255 not in {to for _, to in pairs}, "an object became void"

    return check


def first_mask_overlaps(expected, least=0.9):
    """Check that each object of the first mask is nearly the expected one."""

    def check(run):
        found = run.mask()
        assert set(np.unique(found)) == set(np.unique(expected)), np.unique(found)
        for number in np.unique(expected)[1:]:
            ours, theirs = found == number, expected == number
            assert (ours & theirs).sum() >= least * (ours | theirs).sum()

    return check


def frames_are(*numbers, names=None, tolerance=5):
    """Check that these frames were seen, and that their masks have their names."""

    def check(run):
        expected = names or [f"{n:05d}" for n in numbers]
        assert run.mask_names() == expected, f"masks {run.mask_names()}"
        seen = [round((value - level(0)) / 14) for value in run.levels]
        assert seen == list(numbers), f"the network saw {seen}"
        for number, value in zip(numbers, run.levels, strict=True):
            assert abs(value - level(number)) < tolerance

    return check


def numbers_are_kept(most, least=1):
    """Check that from `least` to `most` frames from 0 on came, each under its own number."""

    def check(run):
        count = len(run.mask_names())
        assert least <= count <= most, f"{count} masks"
        frames_are(*range(count))(run)

    return check


def objects_are(*ids):
    """Check which ids the first mask has, background and void aside."""

    def check(run):
        assert set(np.unique(run.mask()).tolist()) - {0, 255} == set(ids)

    return check
