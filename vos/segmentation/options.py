"""The options of a run: which masks, how they may differ, and what is written beside the masks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vos.errors import InputError


@dataclass(frozen=True)
class PromptRules:
    """How masks may differ from what is expected of them."""

    snap_mask: bool = False
    """Give pixels with stray values (anti-aliased edges, JPEG) the nearest of the main values."""
    trust_mask: bool = False
    """Take ids as they are: no object is too thin, and 255 is void (ignored) wherever it is."""
    resize_mask: bool = False
    """Resize masks of another size than their frame."""


@dataclass(frozen=True)
class OutputOptions:
    """What is written beside the masks."""

    overlay: bool = True
    """Write overlay.mp4, the video with the masks drawn over it."""
    show_ids: bool = False
    """Write each object's id on the overlay."""
    overlay_fps: float | None = None
    """Frames per second of the overlay; the source's own by default, 24 for pictures."""
    soft: Literal["none", "npz", "png"] = "none"
    """Soft labels of every frame: npz, or a 16-bit PNG for each object."""
    rle: Literal["none", "youtube-vos", "coco"] = "none"
    """Run-length codes of all masks in one JSON file."""
    alpha: Literal["none", "png", "video"] = "none"
    """The objects cut out: RGBA PNG files, or a ProRes 4444 video with alpha."""

    def __post_init__(self) -> None:
        """Check the frame rate.

        Raises:
            InputError: it is not above 0.
        """
        if self.overlay_fps is not None and not 0 < self.overlay_fps < float("inf"):
            raise InputError(f"overlay fps is {self.overlay_fps}; expected frames per second")


def parse_masks(specs: Sequence[str]) -> dict[int | None, Path]:
    """Read `first.png` and `45:later.png`; the key None is the first frame.

    Raises:
        InputError: no mask, or two for one frame.
    """
    if not specs:
        raise InputError("no mask was given; give --mask FILE for the first frame")
    masks: dict[int | None, Path] = {}
    for spec in specs:
        numbered = re.fullmatch(r"(\d+):(.+)", spec)
        index = int(numbered[1]) if numbered else None
        if index in masks:
            frame = "the first frame" if index is None else f"frame {index}"
            raise InputError(f"two masks for {frame}: {masks[index]} and {spec}")
        masks[index] = Path(numbered[2] if numbered else spec)
    return masks
