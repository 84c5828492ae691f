"""Colours of objects: the palette of DAVIS for files, and one for the screen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Color = tuple[int, int, int]


def _davis_palette() -> NDArray[np.uint8]:
    """Spread the bits of an id over three channels, the lowest bits to the highest places.

    Bit 3k + c of the id is bit 7 - k of channel c, so near ids get far colours.
    """
    ids = np.arange(256)
    palette = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        place, channel = divmod(bit, 3)
        palette[:, channel] |= (((ids >> bit) & 1) << (7 - place)).astype(np.uint8)
    palette.setflags(write=False)
    return palette


DAVIS_PALETTE = _davis_palette()
"""(256, 3) uint8 RGB: the colour of each id in DAVIS's own annotation files."""


PALETTE_IDS: dict[Color, int] = {(r, g, b): i for i, (r, g, b) in enumerate(DAVIS_PALETTE.tolist())}


_OKABE_TOL = (
    "E69F00", "33BBEE", "7B3FE4", "882255", "CC3311", "0072B2", "EE6677", "CC79A7", "8C564B",
    "1E90FF",
)  # fmt: skip
# Chosen among the palettes of Okabe and Ito (2008), Paul Tol (2021) and matplotlib, and a few clear
# colours. Criterion: a contrast (WCAG 2) of at least 2.2 with white and with black; of those, the
# farthest next one each time, as seen with normal sight and as simulated for protanopia,
# deuteranopia and tritanopia (Machado et al. 2009). Least distance in CIELAB over the four kinds
# of sight, measured: of the first 4 colours 39, of 6 25, of 8 17, of all 10 14.
_LEAST_CONTRAST = 2.2


def contrast(one: Color, other: Color) -> float:
    """Return the contrast of two colours as WCAG 2 defines it, from 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: Color) -> float:
    levels = np.array(color) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def _screen_colors() -> tuple[Color, ...]:
    first = [(*bytes.fromhex(text),) for text in _OKABE_TOL]
    colors = [color for color in PALETTE_IDS if color not in first]
    seen = [(0, 0, 0), (255, 255, 255)]
    clear = [c for c in colors if min(contrast(c, ground) for ground in seen) >= _LEAST_CONTRAST]
    return tuple((r, g, b) for r, g, b in (*first, *clear))


SCREEN_COLORS = _screen_colors()
"""Clear colours on dark and light pictures; the first 10 are far apart for the colour-blind too."""


def screen_color(object_id: int) -> Color:
    """Return the colour that a new object of that id, from 1, has on the screen.

    The ids behind the last colour begin with the first one again.
    """
    return SCREEN_COLORS[(object_id - 1) % len(SCREEN_COLORS)]
