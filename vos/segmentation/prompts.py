"""The masks that a user gives: for which frames, read, checked and fitted to the frames."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vos.errors import InputError
from vos.masks.ids import fit_mask
from vos.masks.io import read_mask
from vos.masks.values import LoadedMask, ValueRules, from_array
from vos.segmentation.numbering import check_numbering
from vos.segmentation.options import PromptRules
from vos.video.images import shrunk_size

MaskSource = str | Path | np.ndarray
Masks = MaskSource | Mapping[int, MaskSource]
"""One mask for the first frame, or masks by the frame's index in the source."""


def read_prompts(masks: Mapping[int, MaskSource], rules: PromptRules) -> dict[int, LoadedMask]:
    """Read the masks in the order of their frames; a colour keeps its id through all of them.

    Raises:
        InputError: a mask cannot be used; see `vos.masks.io.read_mask`. Or two of them number
            their objects in different ways; see `check_numbering`.
    """
    prompts: dict[int, LoadedMask] = {}
    known: dict[int, int | tuple[int, int, int]] = {}
    for index in sorted(masks):
        source = masks[index]
        if isinstance(source, np.ndarray):
            prompts[index] = _of_array(source, index, rules)
        else:
            prompts[index] = read_mask(
                source, snap=rules.snap_mask, trust=rules.trust_mask, known=known or None
            )
        known.update(prompts[index].mapping)
    check_numbering(prompts)
    return prompts


def _of_array(array: np.ndarray, index: int, rules: PromptRules) -> LoadedMask:
    """Read a caller's array; without a mapping its form is `array`."""
    values = ValueRules(trust=rules.trust_mask)
    loaded = from_array(check_array(array), f"the mask for frame {index}", values)
    return loaded if loaded.mapping else LoadedMask(loaded.ids, "array")


def check_array(mask: np.ndarray) -> np.ndarray:
    """Return a caller's array as uint8 ids.

    Raises:
        InputError: it is not two-dimensional, or not of integers from 0 to 255.
    """
    is_integer = mask.dtype == bool or np.issubdtype(mask.dtype, np.integer)
    if mask.ndim != 2 or not is_integer or mask.size == 0 or mask.min() < 0 or mask.max() > 255:
        raise InputError(
            f"a mask is a map (height, width) of ids 0 to 254, 255 for void; got {mask.dtype} of "
            f"shape {tuple(mask.shape)}"
        )
    return mask.astype(np.uint8)


def fit_prompt(
    prompt: LoadedMask, index: int, frame: tuple[int, int], rules: PromptRules, max_size: int | None
) -> np.ndarray:
    """Bring a mask to its frame's size, (H, W) uint8.

    A mask of the source's size follows its frame where `max_size` made that smaller.

    Raises:
        InputError: another size, and `rules` do not say to resize.
    """
    height, width = prompt.ids.shape
    as_its_frame = shrunk_size(height, width, max_size) == frame
    return fit_mask(
        prompt.ids,
        *frame,
        resize=rules.resize_mask or as_its_frame,
        name=f"the mask for frame {index}",
    )
