"""One numbering of the objects for all masks of a run: ids, or colours, but not both."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from vos.errors import InputError
from vos.masks.ids import object_ids
from vos.masks.palette import PALETTE_IDS, Color
from vos.masks.values import LoadedMask

_COLOR_TOLERANCE = 8  # between the entries of two palettes for one object


def check_numbering(prompts: Mapping[int, LoadedMask]) -> None:
    """Refuse masks whose objects cannot be matched, as their numbers come from different things.

    Ids (indexed, gray, arrays, and colours of the DAVIS palette) go together, and so do colours,
    and so do black-and-white masks. White is object 1, so it also goes with ids of object 1 alone.

    Args:
        prompts: the masks by their frame's index, read in this order.

    Raises:
        InputError: two masks do not go together.
    """
    kinds = {index: _kind(mask) for index, mask in prompts.items()}
    for first, second in pairwise(sorted(prompts)):
        one, other = kinds[first], kinds[second]
        if one != other and not _only_object_one(prompts[first], prompts[second]):
            raise InputError(
                f"the mask for frame {first} holds {one}, the one for frame {second} {other}: "
                "which object is which cannot be told. Save all masks of a run in one form: the "
                "same ids, or the same colours."
            )
    _check_palettes(prompts)
    _check_labels(prompts)


def _kind(mask: LoadedMask) -> str:
    """Say what an object's number comes from."""
    if mask.form in {"black-and-white", "alpha"}:
        return "black and white (object 1)"
    if mask.form == "annotations":
        return "labelled shapes"
    colors = {i: color for i, color in mask.mapping.items() if isinstance(color, tuple)}
    of_palette = all(PALETTE_IDS.get(color) == i for i, color in colors.items())
    return "ids" if of_palette else "colours"


def _only_object_one(*masks: LoadedMask) -> bool:
    """Say whether ids and white mean the same, as object 1 is all there is."""
    no_colors = all(not isinstance(c, tuple) for m in masks for c in m.mapping.values())
    return no_colors and all(object_ids(mask.ids) == (1,) for mask in masks)


def _check_palettes(prompts: Mapping[int, LoadedMask]) -> None:
    """Refuse indexed masks in whose palettes one index has two colours."""
    first_of: dict[int, tuple[int, Color]] = {}
    for index in sorted(prompts):
        for number, color in prompts[index].index_colors.items():
            earlier, before = first_of.setdefault(number, (index, color))
            if max(abs(a - b) for a, b in zip(before, color, strict=True)) > _COLOR_TOLERANCE:
                raise InputError(
                    f"index {number} is {before} in the palette of the mask for frame {earlier}, "
                    f"and {color} in that for frame {index}: is it one object or two? Save both "
                    "with one palette, or as RGB, where the colours are the objects."
                )


def _check_labels(prompts: Mapping[int, LoadedMask]) -> None:
    """Refuse annotation files whose shapes of one number have different labels, or one label."""
    labelled = {index: mask.labels for index, mask in sorted(prompts.items()) if mask.labels}
    if len(labelled) < 2:
        return
    first_of: dict[int, tuple[int, str]] = {}
    for index, labels in labelled.items():
        if len(set(labels.values())) < len(labels):
            raise InputError(
                f"the annotations for frame {index} give several shapes one label, so they cannot "
                "be matched with those of other frames: give each object a label of its own"
            )
        for number, label in labels.items():
            earlier, before = first_of.setdefault(number, (index, label))
            if label != before:
                raise InputError(
                    f"object {number} is {before!r} in the annotations for frame {earlier} and "
                    f"{label!r} in those for frame {index}: list the objects in one order in all "
                    "files"
                )
