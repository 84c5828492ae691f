"""Indexed pictures and colours: palettes in odd orders, transparency, several masks of a run."""

import numpy as np
from PIL import Image

from tests.corpus.rows import Row, refused, works, works_or_refused
from tests.corpus.scene import (
    COLOURS,
    IDS,
    ONE,
    WHITE,
    coloured,
    first_mask_is,
    regions_are,
    save,
    segment,
    write_frames,
)
from vos.masks.palette import DAVIS_PALETTE

DAVIS = [tuple(int(v) for v in colour) for colour in DAVIS_PALETTE]
BLACK, WHITE_COLOUR, RED, BLUE, GREEN = (
    (0, 0, 0), (255, 255, 255), (200, 30, 60), (40, 90, 220), (60, 160, 70)
)  # fmt: skip
SWAPPED = np.array([2, 0, 1], np.uint8)[IDS]  # squares 0 and 1, background on the last index
FIRST = np.array([1, 0, 2], np.uint8)[IDS]  # background on index 1


def indexed(indexes, palette, **options):
    """Return a maker of two frames and an indexed mask with this palette."""

    def make(folder):
        write_frames(folder / "frames")
        name = options.get("name", "mask.png")
        save(folder / name, palette_image(indexes, palette),
             **{k: v for k, v in options.items() if k not in ("name", "arguments")})  # fmt: skip
        return segment("frames", name, options=options.get("arguments", ()))

    return make


def palette_image(indexes, palette):
    image = Image.fromarray(indexes.astype(np.uint8))
    image.putpalette(bytes(v for colour in palette for v in colour))
    return image


def quantized():
    """Return colours brought to a palette of their own by Pillow."""

    def make(folder):
        write_frames(folder / "frames")
        save(folder / "mask.png", Image.fromarray(coloured(IDS)).quantize(8))
        return segment("frames", "mask.png")

    return make


RAMP = [(i, i, i) for i in range(256)]
ODD = [BLACK, RED, BLUE]
BACK_BLACK, BACK_WHITE = [RED, BLUE, BLACK], [RED, BLUE, WHITE_COLOUR]
SQUARES = regions_are(IDS)
_PALETTES = [
    ("palette of DAVIS", indexed(IDS, DAVIS), works(first_mask_is(IDS)), False),
    ("palette of its own", indexed(IDS, ODD), works(first_mask_is(IDS)), False),
    ("gray ramp, white", indexed(WHITE, RAMP), works(first_mask_is(ONE)), False),
    ("gray ramp, 128 and 255", indexed(np.array([0, 128, 255], np.uint8)[IDS], RAMP),
     works_or_refused(SQUARES), False),
    ("two entries, black and white", indexed(ONE, [BLACK, WHITE_COLOUR]),
     works(first_mask_is(ONE)), False),
    ("two entries, white and black", indexed(1 - ONE, [WHITE_COLOUR, BLACK]),
     works(first_mask_is(ONE)), False),
    ("quantized by Pillow", quantized(), works(SQUARES), False),
    ("background last, black", indexed(SWAPPED, BACK_BLACK), works(SQUARES), False),
    ("background last, white", indexed(SWAPPED, BACK_WHITE), works_or_refused(SQUARES), False),
    ("background last, clear white", indexed(SWAPPED, BACK_WHITE, transparency=2),
     works(SQUARES), False),
    ("background last, clear black", indexed(SWAPPED, BACK_BLACK, transparency=2),
     works(SQUARES), False),
    ("index 0 clear", indexed(IDS, ODD, transparency=0), works(SQUARES), False),
    ("index 0 clear, white", indexed(IDS, [WHITE_COLOUR, RED, BLUE], transparency=0),
     works(SQUARES), False),
    ("index 1 clear", indexed(FIRST, [RED, WHITE_COLOUR, BLUE], transparency=1),
     works(SQUARES), False),
    ("alpha of each index", indexed(SWAPPED, BACK_WHITE, transparency=b"\xff\xff\x00"),
     works(SQUARES), False),
    ("index 255 clear", indexed(np.array([255, 1, 2], np.uint8)[IDS], RAMP, transparency=255),
     works(SQUARES), False),
    ("object on index 255", indexed(np.array([0, 1, 255], np.uint8)[IDS], RAMP),
     works_or_refused(SQUARES), False),
    ("GIF", indexed(IDS, ODD, name="m.gif"), works(SQUARES), False),
    ("GIF, background last, clear", indexed(SWAPPED, BACK_WHITE, name="m.gif", transparency=2),
     works(SQUARES), False),
    ("GIF, background last, black", indexed(SWAPPED, BACK_BLACK, name="m.gif"),
     works(SQUARES), False),
    ("indexed, snapped", indexed(IDS, ODD, arguments=("--snap-mask",)), works(SQUARES), False),
]  # fmt: skip


def at_two_frames(first, second, options=()):
    """Return a maker of three frames with a mask at frame 0 and one at frame 1."""

    def make(folder):
        write_frames(folder / "frames", 3)
        save(folder / "a.png", first)
        save(folder / "b.png", second)
        return segment("frames", "a.png", "1:b.png", options=options)

    return make


def second_mask_has(*expected, not_these=()):
    """Check the ids of the two squares in the second frame's mask."""

    def check(run):
        mask = run.mask("00001")
        found = int(mask[30, 20]), int(mask[44, 70])
        if expected:
            assert found == expected, found
        assert not not_these or (found[0] != not_these[0] and found[1] != not_these[1]), found
        assert found[0] != found[1]

    return check


def _not_the_first(run):
    """The colour at the place of object 2 is no other object of the ids given before."""
    assert int(run.mask("00001")[44, 70]) != 1


def _white_is_no_new_swap(run):
    """White at the place of object 2 of the ids is not object 4."""
    assert int(run.mask("00001")[30, 20]) != 4


FALLING = (BLACK, (220, 10, 10), (10, 10, 220))  # in order of colour, square 2 comes first
UNSWAPPED = works_or_refused(second_mask_has(not_these=(2, 1)))
PAINTED = palette_image(IDS, DAVIS)
TWO_REDS = np.where(IDS == 2, 1, 0).astype(np.uint8)
_NUMBERING = [
    ("ids, then ids", at_two_frames(IDS, IDS), works(second_mask_has(1, 2)), False),
    ("colours, then the same", at_two_frames(coloured(IDS, FALLING), coloured(IDS, FALLING)),
     works(second_mask_has(2, 1)), False),
    ("ids, then colours", at_two_frames(IDS, coloured(IDS, FALLING)), UNSWAPPED, False),
    ("indexed, then colours", at_two_frames(palette_image(IDS, DAVIS), coloured(IDS, FALLING)),
     UNSWAPPED, False),
    ("ids, then one colour", at_two_frames(IDS, coloured(TWO_REDS, FALLING)),
     works_or_refused(_not_the_first), False),
    ("palette colours, then indexed", at_two_frames(coloured(IDS, DAVIS), PAINTED),
     works(second_mask_has(1, 2)), False),
    ("indexed, then palette colours", at_two_frames(PAINTED, coloured(IDS, DAVIS)),
     works(second_mask_has(1, 2)), False),
    ("colours, then ids", at_two_frames(coloured(IDS, FALLING), IDS),
     works_or_refused(second_mask_has(2, 1)), False),
    ("white, then white", at_two_frames(WHITE, WHITE), works(first_mask_is(ONE)), False),
    ("ids and white", at_two_frames(IDS * 2, WHITE),
     works_or_refused(_white_is_no_new_swap), False),
    ("the mapping is said", at_two_frames(coloured(IDS, FALLING), coloured(IDS, FALLING)),
     works(says=(r"object 1 was \(10, 10, 220\)", r"object 2 was \(220, 10, 10\)")), False),
]  # fmt: skip


def rgb(array, options=(), mode=None):
    def make(folder):
        write_frames(folder / "frames")
        save(folder / "mask.png", array, mode)
        return segment("frames", "mask.png", options=options)

    return make


def _cmyk(folder):
    write_frames(folder / "frames")
    save(folder / "mask.tif", coloured(IDS), "CMYK")
    return segment("frames", "mask.tif")


def _many_colours(folder):
    write_frames(folder / "frames")
    cells = np.arange(16 * 24).reshape(16, 24)
    image = np.stack([cells % 24 * 10, cells // 24 * 15, cells * 0 + 60], -1).astype(np.uint8)
    save(folder / "mask.png", np.kron(image, np.ones((4, 4, 1), np.uint8)))
    return segment("frames", "mask.png")


_COLOURS = [
    ("RGB", rgb(coloured(IDS)), works(SQUARES), False),
    ("RGB of the palette of DAVIS", rgb(coloured(IDS, DAVIS)), works(first_mask_is(IDS)), False),
    ("RGB white", rgb(np.dstack([WHITE] * 3)), works(first_mask_is(ONE)), False),
    ("RGB with alpha", rgb(coloured(IDS), mode="RGBA"), works(SQUARES), False),
    ("gray ids as RGB", rgb(np.dstack([IDS] * 3)), works(first_mask_is(IDS)), False),
    ("CMYK", _cmyk, works_or_refused(SQUARES), False),
    ("background white", rgb(coloured(IDS, (WHITE_COLOUR, RED, BLUE))),
     works_or_refused(SQUARES), False),
    ("unlike by one", rgb(coloured(IDS, (BLACK, RED, (200, 30, 61)))), works(SQUARES), False),
    ("colours of objects 1, 2 of another tool", rgb(coloured(IDS, COLOURS)), works(SQUARES), False),
    ("255 colours", _many_colours, refused("254|photograph"), False),
]  # fmt: skip


ROWS = [
    Row(name, topic, make, outcome, fails_today=fails)
    for topic, rows in (
        ("palettes", _PALETTES),
        ("colours", _COLOURS),
        ("one numbering", _NUMBERING),
    )
    for name, make, outcome, fails in rows
]
