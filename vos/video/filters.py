"""FFmpeg's own conversion of frames between pixel formats and color spaces, as a filter graph.

The scale filter knows matrix, range, bit depth and chroma siting, so pictures are those that
FFmpeg shows.

Shape letters: H W pixels.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.sidedata.sidedata import Type
from numpy.typing import NDArray

_DISPLAY_MATRIX = Type.DISPLAYMATRIX


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
    """Turn decoded frames into RGB arrays through one filter graph per pixel format and size."""

    def __init__(self, time_base: Fraction | None) -> None:
        self._time_base = time_base or Fraction(1, 1000)
        self._form: tuple[Any, ...] = ()
        self._graph: Any = None
        self._matrix: NDArray[np.int32] | None = None

    def __call__(self, frame: Any) -> NDArray[np.uint8]:
        """Return the frame as RGB (H, W, 3), turned upright as its metadata say."""
        form = (frame.width, frame.height, frame.format.name, frame.colorspace, frame.color_range,
                frame.rotation)  # fmt: skip
        if form != self._form:
            self._graph = conversion_graph(frame, self._time_base, "rgb24")
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
    if abs(c) > abs(a):
        image, a, d = image.swapaxes(0, 1), c, b  # (H, W, 3) -> (W, H, 3)
    return np.ascontiguousarray(image[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])
