"""FFmpeg's own conversion of frames between pixel formats and color spaces, as a filter graph."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av


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
