"""How a frame becomes the network's input: its size, its resampling, its channels.

Shapes: H W pixels of a frame, H' W' pixels of the network's input.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vos.errors import InputError

if TYPE_CHECKING:
    import numpy as np

DEFAULT_SHORT_SIDE = 480
DEFAULT_SIZE_MULTIPLE = 64

Resampling = Literal["linear", "linear-float", "bicubic"]
ChannelOrder = Literal["rgb", "bgr"]
Normalization = Literal["backbone", "dino-davis", "imagenet"]
IMAGENET_MEAN = (0.485, 0.456, 0.406)
PROTOCOL_STD = (0.228, 0.224, 0.225)
"""The published DAVIS numbers were made with 0.228; ImageNet's usual figure is 0.229."""
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class InputRule:
    """How a frame is brought to the network; the defaults are the protocol of DAVIS 2017.

    Of `height` and `width`, `long_side` and `short_side`, the first that is not 0 gives the size;
    if all are 0 the frame keeps its own.
    """

    short_side: int = DEFAULT_SHORT_SIDE
    """The shorter side becomes so long; the other keeps the aspect, rounded to a multiple."""
    size_multiple: int = DEFAULT_SIZE_MULTIPLE
    """What the side that keeps the aspect is rounded to a multiple of."""
    long_side: int = 0
    """The longer side becomes so long; the other keeps the aspect, rounded to a multiple."""
    height: int = 0
    """Together with `width`: the input's size, whatever the frame's aspect."""
    width: int = 0
    round_up: bool = False
    """Round both sides up, not down: the given side to whole patches, the other to a multiple."""
    resampling: Resampling = "linear"
    """linear: on 8-bit values; linear-float: the same in float32; bicubic: with antialiasing."""
    channel_order: ChannelOrder = "rgb"
    normalization: Normalization = "backbone"
    """backbone: its own; dino-davis: ImageNet's with 0.228 for red's deviation; imagenet."""

    def size(self, height: int, width: int, patch: int) -> tuple[int, int]:
        """Return (H', W') of a frame, whole patches in both axes.

        Raises:
            InputError: the result would hold no patch.
        """
        rows, columns = self._sides(height, width, patch)
        if min(rows, columns) < patch:
            raise InputError(
                f"a frame of {width}x{height} pixels leaves no patch of {patch} pixels at "
                f"{self._wanted()}; use larger frames or a larger {self._which()}"
            )
        return rows, columns

    def _sides(self, height: int, width: int, patch: int) -> tuple[int, int]:
        if self.height:
            return self._whole(self.height, patch), self._whole(self.width, patch)
        short, long = sorted((height, width))
        if self.long_side:
            given, same, opposite = self.long_side, long, short
        elif self.short_side:
            given, same, opposite = self.short_side, short, long
        else:
            return self._whole(height, patch), self._whole(width, patch)
        multiple = max(self.size_multiple // patch, 1) * patch
        first = self._whole(given, patch)
        if self.round_up:  # the other side keeps the aspect beside the rounded one
            other = math.ceil(first * opposite / same / multiple) * multiple
        else:
            other = int((given * opposite / same) // multiple) * multiple
        if self.long_side:  # of a square, the height is the one given
            return (other, first) if width > height else (first, other)
        return (other, first) if height > width else (first, other)

    def _whole(self, side: int, patch: int) -> int:
        """Round a side to whole patches."""
        return (-(-side // patch) if self.round_up else side // patch) * patch

    def _which(self) -> str:
        if self.height:
            return "input height and width"
        return "long side" if self.long_side else "short side"

    def _wanted(self) -> str:
        if self.height:
            return f"input {self.width}x{self.height}"
        return f"{self._which()} {self.long_side or self.short_side or 'unchanged'}"

    def resize(self, frame: np.ndarray, rows: int, columns: int) -> np.ndarray:
        """Resize a frame, RGB uint8 (H, W, 3), to (rows, columns), and order its channels.

        Returns:
            (H', W', 3) of 0..255, uint8, or float32 where it is resampled so.
        """
        import cv2
        import numpy as np

        if self.resampling == "bicubic":
            from PIL import Image

            if frame.shape[:2] != (rows, columns):
                image = Image.fromarray(np.ascontiguousarray(frame))
                frame = np.array(image.resize((columns, rows), Image.Resampling.BICUBIC))
        elif frame.shape[:2] != (rows, columns):
            values = frame.astype(np.float32) if self.resampling == "linear-float" else frame
            frame = cv2.resize(values, (columns, rows), interpolation=cv2.INTER_LINEAR)
        return frame[..., ::-1] if self.channel_order == "bgr" else frame

    def statistics(
        self, mean: tuple[float, ...], std: tuple[float, ...]
    ) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return the means and deviations to normalise by, of a backbone with these of its own."""
        if self.normalization == "backbone" or len(mean) == 1:  # luminance has figures of its own
            return mean, std
        return IMAGENET_MEAN, PROTOCOL_STD if self.normalization == "dino-davis" else IMAGENET_STD


def input_size(
    height: int, width: int, patch: int, short_side: int, size_multiple: int
) -> tuple[int, int]:
    """Return (H', W') of a frame, whole patches in both axes; see `Backbone.input_size`.

    Raises:
        InputError: the result would hold no patch.
    """
    return InputRule(short_side, size_multiple).size(height, width, patch)


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


def frame_size(frame: np.ndarray, first: tuple[int, int] | None, number: int) -> tuple[int, int]:
    """Return height and width of a video's frame.

    Args:
        frame: (H, W, 3).
        first: those of the first frame, None of the first frame itself.
        number: the frame's position in the video.

    Raises:
        InputError: they are others than the first frame's.
    """
    size = (frame.shape[0], frame.shape[1])
    if first not in (None, size):
        raise InputError(
            f"frame {number} is {size[1]}x{size[0]} pixels, the first was {first[1]}x{first[0]}; "
            "all frames of a video have one size (call reset() for another video)"
        )
    return size
