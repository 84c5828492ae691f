"""How a frame becomes the network's input: the protocol's size rule.

Shapes: H W pixels of a frame, H' W' pixels of the network's input.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vos.errors import InputError

if TYPE_CHECKING:
    import numpy as np

DEFAULT_SHORT_SIDE = 480
DEFAULT_SIZE_MULTIPLE = 64


def input_size(
    height: int, width: int, patch: int, short_side: int, size_multiple: int
) -> tuple[int, int]:
    """Return (H', W') of a frame, whole patches in both axes; see `Backbone.input_size`.

    Raises:
        InputError: the result would hold no patch.
    """
    if short_side:
        multiple = max(size_multiple // patch, 1) * patch
        longer = int((short_side * max(height, width) / min(height, width)) // multiple)
        sides = (short_side // patch * patch, longer * multiple)
        rows, columns = sides[::-1] if height > width else sides
    else:
        rows, columns = height // patch * patch, width // patch * patch
    if min(rows, columns) < patch:
        raise InputError(
            f"a frame of {width}x{height} pixels leaves no patch of {patch} pixels at short side "
            f"{short_side or 'unchanged'}; use larger frames or a larger short side"
        )
    return rows, columns


def check_frame(frame: np.ndarray) -> None:
    """Refuse what is no frame.

    Raises:
        InputError: it is not RGB uint8 (H, W, 3).
    """
    import numpy as np  # here, as options of command lines stand on this module

    if not isinstance(frame, np.ndarray):
        raise InputError(
            f"a frame is an array, RGB uint8 of shape (height, width, 3); got "
            f"{type(frame).__name__} (of what open_frames gives, take .image)"
        )
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
        raise InputError(
            f"a frame is RGB uint8 of shape (height, width, 3); got {frame.dtype} of shape "
            f"{tuple(frame.shape)}"
        )
