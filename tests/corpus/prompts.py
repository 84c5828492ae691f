"""Masks and their frames: sizes, turns, warnings, names, and the formats of annotation tools."""

import cv2
import numpy as np
from PIL import Image

from tests.corpus.rows import Outcome, Row, refused, works, works_or_refused
from tests.corpus.scene import (
    HEIGHT,
    IDS,
    ONE,
    WHITE,
    WIDTH,
    first_mask_is,
    first_mask_overlaps,
    save,
    segment,
    write_frames,
)


def fitted(array, options=(), name="mask.png", **save_options):
    def make(folder):
        write_frames(folder / "frames")
        save(folder / name, array, **save_options)
        return segment("frames", name, options=options)

    return make


def sized(height, width):
    """Return the ids at another size."""
    return cv2.resize(IDS, (width, height), interpolation=cv2.INTER_NEAREST)


def square(top, left, side):
    ids = np.zeros_like(IDS)
    ids[top : top + side, left : left + side] = 1
    return ids


def exif_turned(orientation):
    """Save a mask that is stored turned and says so by EXIF."""
    exif = Image.Exif()
    exif[0x112] = orientation
    stored = {3: IDS[::-1, ::-1], 6: np.rot90(IDS), 8: np.rot90(IDS, -1)}[orientation]
    return fitted(np.ascontiguousarray(stored), exif=exif)


WARNS_INVERTED = Outcome((0, 2), says=("--invert-mask",))
NO_ADVICE = works(first_mask_is(IDS), never=("warning",))
SMALL = Outcome((0,), says=("warning.*(small|pixels)",))
FULL = np.ones_like(IDS)
LARGE = FULL.copy()
LARGE[:16] = 0
FRAME = FULL.copy()
FRAME[16:48, 24:72] = 0
_FITS = [
    ("as large as the frame", fitted(IDS), NO_ADVICE, False),
    ("one row less", fitted(sized(HEIGHT - 1, WIDTH)), refused("96x63", "96x64"), False),
    ("one column more", fitted(sized(HEIGHT, WIDTH + 1)), refused("97x64"), False),
    ("twice as large", fitted(sized(128, 192)), refused("192x128", "--resize-mask"), False),
    ("twice as large, resized", fitted(sized(128, 192), ("--resize-mask",)),
     works(first_mask_is(IDS)), False),
    ("another aspect, resized", fitted(sized(96, 96), ("--resize-mask",)),
     refused("96x96", "aspect"), False),
    ("another aspect by a pixel, resized", fitted(sized(129, 192), ("--resize-mask",)),
     works(first_mask_overlaps(IDS, 0.8)), False),
    ("turned", fitted(np.rot90(IDS)), refused("64x96", "--rotate-mask"), False),
    ("turned, resized", fitted(np.rot90(IDS), ("--resize-mask",)), refused("--rotate-mask"), False),
    ("turned back by 90", fitted(np.rot90(IDS), ("--rotate-mask", "90")),
     works(first_mask_is(IDS)), False),
    ("turned back by 270", fitted(np.rot90(IDS, -1), ("--rotate-mask", "270")),
     works(first_mask_is(IDS)), False),
    ("turned over by EXIF", exif_turned(3), works(first_mask_is(IDS)), False),
    ("turned right by EXIF", exif_turned(6), works(first_mask_is(IDS)), False),
    ("turned left by EXIF", exif_turned(8), works(first_mask_is(IDS)), False),
    ("inverted", fitted(255 - WHITE), WARNS_INVERTED, False),
    ("inverted ids", fitted(1 - ONE), WARNS_INVERTED, False),
    ("inverted, put right", fitted(255 - WHITE, ("--invert-mask",)),
     works(first_mask_is(ONE)), False),
    ("all of the frame", fitted(FULL), WARNS_INVERTED, False),
    ("all white", fitted(FULL * 255), WARNS_INVERTED, False),
    ("most of the frame", fitted(LARGE), WARNS_INVERTED, False),
    ("all sides of the frame", fitted(FRAME), WARNS_INVERTED, False),
    ("two ids inverted", fitted(IDS, ("--invert-mask",)), refused("invert.*(two|objects|ids)"),
     False),
    ("object of 3x3 between patches", fitted(square(22, 22, 3)), SMALL, False),
    ("object of 3x3 on a patch's middle", fitted(square(26, 26, 3)), SMALL, False),
    ("object of one pixel", fitted(square(28, 28, 1)), SMALL, False),
    ("object of 24x24", fitted(square(20, 12, 24)),
     works(first_mask_is(ONE), never=("warning",)), False),
]  # fmt: skip


def named(names, *specs, mask_among=""):
    """Return a maker of frames with these names and masks given by these specs."""

    def make(folder):
        write_frames(folder / "frames", len(names), names)
        save(folder / "m.png", IDS)
        if mask_among:
            save(folder / "frames" / mask_among, IDS)
        chosen = [f"frames/{mask_among}"] if mask_among else specs
        return segment("frames", *chosen)

    return make


def mask_is_at(name, count):
    def check(run):
        assert np.array_equal(run.mask(name), IDS)
        assert len(run.mask_names()) == count

    return check


def no_frame_is(name, count):
    def check(run):
        assert name not in run.mask_names()
        assert len(run.mask_names()) == count

    return check


def _colon(folder):
    write_frames(folder / "frames")
    save(folder / "a:b.png", IDS)
    return segment("frames", "a:b.png")


FIVES = ("00000.png", "00005.png", "00010.png")
ONES = ("1.png", "2.png", "3.png")
_NAMES = [
    ("a frame's name", named(FIVES, "m.png", "00005:m.png"), works(mask_is_at("00005", 3)), False),
    ("a frame's name alone", named(FIVES, "00000:m.png"), works(mask_is_at("00000", 3)), False),
    ("a last frame's name", named(FIVES, "m.png", "00010:m.png"), works(mask_is_at("00010", 3)),
     False),
    ("an index", named(FIVES, "m.png", "1:m.png"), works(mask_is_at("00005", 3)), False),
    ("a name of letters", named(("a.png", "b.png"), "m.png", "b:m.png"),
     works(mask_is_at("b", 2)), False),
    ("name and index of two frames", named(ONES, "1:m.png"),
     refused("1", "name.*index|index.*name"), False),
    ("name and index of one frame", named(("0.png", "1.png"), "0:m.png", "1:m.png"),
     works(mask_is_at("1", 2)), False),
    ("an index past the end", named(FIVES, "m.png", "7:m.png"), refused("7", "3 frames"), False),
    ("no frame's name", named(FIVES, "m.png", "00003:m.png"), refused("00003|frames .3"), False),
    ("two for one frame", named(FIVES, "m.png", "0:m.png"), refused("two masks|both"), False),
    ("a colon in the file's name", _colon, works(first_mask_is(IDS)), False),
    ("the mask lies among the frames", named(FIVES, mask_among="mask.png"),
     works_or_refused(no_frame_is("mask", 3)), False),
    ("the mask has a frame's name", named(("00000.bmp", "00001.bmp"), mask_among="00000.png"),
     works_or_refused(no_frame_is("mask", 2)), False),
    ("the mask has a suffix", named(FIVES, mask_among="00000_mask.png"),
     works_or_refused(no_frame_is("00000_mask", 3)), False),
]  # fmt: skip


LATER = np.zeros_like(IDS)


def before_work(second, spec="1:b.png", source=""):
    """Return a maker with a good first mask and another that cannot be used."""

    def make(folder):
        write_frames(folder / "frames", 3)
        save(folder / "a.png", IDS)
        if second is not None:
            save(folder / "b.png", second)
        return segment(source or "frames", "a.png", spec)

    return make


EARLY = {"before_weights": True}
_BEFORE = [
    ("first mask of another size", fitted(sized(60, 90)), refused("90x60", **EARLY), False),
    ("later mask of another size", before_work(sized(60, 90)), refused("90x60", **EARLY), False),
    ("later mask empty", before_work(LATER), refused("b.png", "empty", **EARLY), False),
    ("later mask missing", before_work(None), refused("b.png", "no such", **EARLY), False),
    ("later mask past the end", before_work(IDS, "9:b.png"), refused("9", **EARLY), False),
    ("no source", before_work(IDS, source="nowhere"), refused("nowhere", **EARLY), False),
    ("no mask", lambda folder: write_frames(folder / "frames") and segment("frames"),
     refused("--mask", **EARLY), False),
]  # fmt: skip
ROWS = [
    Row(name, topic, make, outcome, fails_today=fails)
    for topic, rows in (
        ("mask and frame", _FITS),
        ("names of frames", _NAMES),
        ("checked before work", _BEFORE),
    )
    for name, make, outcome, fails in rows
]
