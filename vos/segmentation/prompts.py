"""The masks that a user gives: for which frames, read, checked and fitted to the frames."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.errors import InputError
from vos.masks.edges import photograph
from vos.masks.given import ids_of
from vos.masks.ids import fit_mask
from vos.masks.io import read_mask
from vos.masks.orientation import put_right
from vos.masks.values import LoadedMask, ValueRules, from_array
from vos.segmentation.numbering import check_numbering
from vos.segmentation.options import PromptRules, is_project_prompt
from vos.video.images import is_image, read_image, shrunk_size

_ALIKE = 16  # levels that lossy files move a colour by
_MOST = 0.5  # share of pixels
MaskSource = str | Path | np.ndarray | LoadedMask
Masks = MaskSource | Mapping[int, MaskSource] | Mapping[int | str, MaskSource]
"""One mask for the first frame; a project of `vos app`, for its prompts; or masks by the frame's
index in the source (a number), or by its name or index (a text; `name=1` and `index=1` where it
could be both)."""


def masks_by_index(
    masks: Mapping[int | str, MaskSource], names: Mapping[str, int], taken: Callable[[int], bool]
) -> dict[int, MaskSource]:
    """Return the masks by their frames' indexes in the source.

    Args:
        masks: by index (numbers), or by name or index (texts).
        names: the index of each frame by its name; empty of a source whose frames have none but
            their index.
        taken: whether there may be a frame of an index.

    Raises:
        InputError: a text is no frame's name or index, or is the name of one frame and the index
            of another; or two masks are for one frame.
    """
    by_index: dict[int, MaskSource] = {}
    for key, mask in masks.items():
        index = key if isinstance(key, int) else _index_of(key, names, taken)
        if index in by_index:
            raise InputError(f"two masks for frame {index}: {_said(by_index[index], mask)}")
        by_index[index] = mask
    return by_index


def _said(*masks: MaskSource) -> str:
    return " and ".join(str(m) if isinstance(m, str | Path) else "an array" for m in masks)


def _index_of(key: str, names: Mapping[str, int], taken: Callable[[int], bool]) -> int:
    """Return the index of the frame that a text names."""
    kind, _, text = key.rpartition("=")
    text = text if kind in {"name", "index", "stem"} else key
    by_name = None if kind == "index" else names.get(text)
    if kind == "stem" and names:  # the name of a file is a frame's name, where frames have names
        if by_name is None:
            some = ", ".join(list(names)[:3])
            raise InputError(
                f"the project has a prompt named {text!r}, as no frame taken is; the frames' "
                f"names are {some}, ... Move it away, or give the masks one by one"
            )
        return by_name
    number = int(text) if kind != "name" and re.fullmatch(r"[0-9]{1,18}", text) else None
    if number is not None and by_name is not None and number != by_name:
        if kind != "name" and str(number) == text and taken(number):
            raise InputError(
                f"{text!r} is the name of the frame with index {by_name}, and the index of "
                f"another frame. Write --mask name={text}:FILE or --mask index={text}:FILE"
            )
        return by_name
    index = number if by_name is None else by_name
    if index is None and kind == "stem":
        raise InputError(
            f"the project has a prompt named {text!r}; expected numbers of frames (00012), as "
            "this source's frames have no names"
        )
    if index is None:
        some = ", ".join(list(names)[:3])
        known = f"the frames' names are {some}, ..." if names else "this source has indexes alone"
        raise InputError(
            f"--mask {key}:FILE: no frame taken has the name {text!r}; {known} Give a frame's "
            "name or its index from 0, or a mask file that exists"
        )
    return index


def read_prompts(
    masks: Mapping[int, MaskSource], rules: PromptRules, names: Mapping[str, int] | None = None
) -> dict[int, LoadedMask]:
    """Read the masks in the order of their frames; a colour keeps its id through all of them.

    Raises:
        InputError: a mask cannot be used; see `vos.masks.io.read_mask`. Or two of them number
            their objects in different ways; see `check_numbering`.
    """
    prompts: dict[int, LoadedMask] = {}
    name_of = {index: name for name, index in (names or {}).items()}
    known: dict[int, int | tuple[int, int, int]] = {}
    for index in sorted(masks):
        source = masks[index]
        if isinstance(source, LoadedMask):
            prompts[index] = source
        elif not isinstance(source, str | Path):
            prompts[index] = _of_array(source, index, rules)
        else:
            prompts[index] = read_mask(
                source,
                snap=rules.snap_mask,
                trust=rules.trust_mask or is_project_prompt(Path(source)),
                known=known or None,
                frame_name=name_of.get(index, f"{index:05d}"),
            )
        known.update(prompts[index].mapping)
        is_file = isinstance(source, str | Path)
        name = str(source) if is_file else f"the mask for frame {index}"
        prompts[index] = put_right(
            prompts[index], name, turn=rules.rotate_mask, invert=rules.invert_mask
        )
    check_numbering(prompts)
    return prompts


def _of_array(array: np.ndarray, index: int, rules: PromptRules) -> LoadedMask:
    """Read a caller's array; without a mapping its form is `array`."""
    values = ValueRules(trust=rules.trust_mask)
    name = f"the mask for frame {index}"
    if not isinstance(array, np.ndarray):
        array = ids_of(array, name)
    loaded = from_array(check_array(array), name, values)
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


def check_sizes(
    prompts: Mapping[int, LoadedMask],
    frame: tuple[int, int],
    rules: PromptRules,
    max_size: int | None,
) -> None:
    """Refuse masks that do not fit frames of (height, width), before there is any work.

    Raises:
        InputError: as `fit_prompt`.
    """
    for index, prompt in prompts.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # said when the frame comes
            fit_prompt(prompt, index, frame, rules, max_size)


def refuse_frame(
    source: MaskSource, prompt: LoadedMask, frame: NDArray[np.uint8], rules: PromptRules
) -> None:
    """Refuse a picture that is the frame itself, such as a drawing with even colours.

    Where its larger part is background, as in white shapes on black, it may be a mask of the frame
    all the same: that is warned of.

    Args:
        source: the mask as it was given; arrays and files of labels are no pictures.
        prompt: what was read of it.
        frame: its frame's image (H, W, 3) RGB.
        rules: how masks may differ from what is expected.

    Raises:
        InputError: it is the frame.
    """
    if rules.trust_mask or not isinstance(source, str | Path) or not is_image(source):
        return
    try:
        picture = read_image(source)
    except InputError:  # it was read as a mask; other readers need not know the form
        return
    height, width = frame.shape[:2]
    fitted = np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA))
    equal = np.all(cv2.absdiff(fitted, frame) <= _ALIKE, axis=2)
    lit = np.any(fitted > _ALIKE, axis=2)  # black is black in masks and in dark frames
    share = float(equal.mean())
    if min(share, equal[lit].mean() if lit.any() else 0.0) <= _MOST:
        return
    why = f"{share:.0%} of its pixels equal the frame's"
    if (prompt.ids == 0).mean() < _MOST:
        raise photograph(str(source), why)
    warnings.warn(f"{source}: is it a mask? {why}; its colours were taken as ids", stacklevel=2)


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
