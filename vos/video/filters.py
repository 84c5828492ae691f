"""FFmpeg's own conversion of frames between pixel formats and color spaces, as a filter graph.

The scale filter knows matrix, range, bit depth and chroma siting, so pictures are those that
FFmpeg shows. It also maps a high dynamic range to the standard one.

Shape letters: H W pixels.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

import av
import numpy as np
from av.sidedata.sidedata import Type
from numpy.typing import NDArray

SQUARE = Fraction(1)
"""Width to height of a pixel where nothing else is said."""
HIGH_RANGE = {16: "PQ", 18: "HLG"}
"""FFmpeg's numbers of the transfer functions of a high dynamic range, and their names."""
_DISPLAY_MATRIX = Type.DISPLAYMATRIX
_TO_STANDARD_RANGE = "out_transfer=bt709:out_primaries=bt709:intent=perceptual"


@cache
def maps_tones() -> bool:
    """Whether this FFmpeg's scale filter maps a high dynamic range to the standard one."""
    try:
        av.filter.Graph().add("scale", _TO_STANDARD_RANGE)
    except av.FFmpegError:  # before version 7.1
        return False
    return True


def conversion_graph(frame: Any, time_base: Fraction, pixels: str, *, options: str = "") -> Any:
    """Build a graph that converts frames like this one; push frames into it and pull them out.

    Args:
        frame: a frame (`av.VideoFrame`) of the size and format that all of them have.
        time_base: of the frames' times.
        pixels: FFmpeg's name of the pixel format that comes out.
        options: of FFmpeg's scale filter, which converts, `name=value` separated by colons.
    """
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=time_base
    )
    scale = graph.add("scale", ":".join(filter(None, ("flags=bicubic", options))))
    form = graph.add("format", f"pix_fmts={pixels}")
    sink = graph.add("buffersink")
    source.link_to(scale)
    scale.link_to(form)
    form.link_to(sink)
    graph.configure()
    return graph


class RgbConverter:
    """Turn decoded frames into RGB arrays through one filter graph per pixel format and size.

    A high dynamic range is mapped to the standard one (BT.709) where `maps_tones`; the table for
    that takes FFmpeg some seconds, once.
    """

    def __init__(self, time_base: Fraction | None) -> None:
        self._time_base = time_base or Fraction(1, 1000)
        self._form: tuple[Any, ...] = ()
        self._graph: Any = None
        self._matrix: NDArray[np.int32] | None = None

    @property
    def turns(self) -> bool:
        """Whether the last frame's rows became columns."""
        matrix = self._matrix
        return matrix is not None and is_quarter_turn(matrix)

    def __call__(self, frame: Any) -> NDArray[np.uint8]:
        """Return the frame as RGB (H, W, 3), turned upright as its metadata say."""
        form = (frame.width, frame.height, frame.format.name, frame.colorspace, frame.color_range,
                frame.color_trc, frame.rotation)  # fmt: skip
        if form != self._form:
            mapped = frame.color_trc in HIGH_RANGE and maps_tones()
            self._graph = conversion_graph(
                frame, self._time_base, "rgb24", options=_TO_STANDARD_RANGE if mapped else ""
            )
            self._form = form
            # Asked once: a frame that was asked stays in memory until the garbage collector.
            matrix = frame.side_data.get(_DISPLAY_MATRIX)
            self._matrix = None if matrix is None else np.frombuffer(bytes(matrix), np.int32)
        self._graph.push(frame)
        return upright(self._graph.pull().to_ndarray(), self._matrix)


def upright(image: NDArray[np.uint8], matrix: NDArray[np.int32] | None) -> NDArray[np.uint8]:
    """Turn and mirror a picture as a display matrix says (nine 32-bit numbers, row by row).

    It moves column x and row y to column a x + c y and row b x + d y, with a b / c d its first
    entries; cameras write quarter turns and mirrorings alone.
    """
    if matrix is None:
        return np.ascontiguousarray(image)
    a, b, _, c, d = matrix[:5]
    if is_quarter_turn(matrix):
        image, a, d = image.swapaxes(0, 1), c, b  # (H, W, 3) -> (W, H, 3)
    return np.ascontiguousarray(image[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])


def is_quarter_turn(matrix: NDArray[np.int32]) -> bool:
    """Whether a display matrix makes columns of a picture's rows."""
    return bool(abs(matrix[3]) > abs(matrix[0]))
