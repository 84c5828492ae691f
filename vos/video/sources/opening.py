"""How FFmpeg opens a source: a file, a camera, an address."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av

from vos.errors import InputError
from vos.video.sources.file_kind import png_frames

_NETWORK_SECONDS = 15.0


def opening_options(source: str) -> dict[str, Any]:
    """Return how to open a source: cameras by device, network addresses with time limits."""
    if Path(source).is_file():
        # FFmpeg takes an animated PNG for a picture. A colon in a name shall name no protocol.
        form = {"format": "apng"} if png_frames(Path(source)) else {}
        return {"file": f"file:{source}", **form}
    if source.startswith("/dev/video"):
        return {"format": "v4l2"}
    if "://" in source:
        options = {"rtsp_transport": "tcp"} if source.startswith("rtsp") else {}
        return {"options": options, "timeout": (_NETWORK_SECONDS, _NETWORK_SECONDS)}
    return {}


def camera_device(source: str) -> str:
    """Return the device of `camera:N`, and another source as it is.

    Raises:
        InputError: N is no number.
    """
    number = source.removeprefix("camera:")
    if source == number:
        return source
    if not number.isdecimal():
        raise InputError(f"{source}: expected camera:N with a number, such as camera:0")
    return f"/dev/video{number}"


def connect(source: str) -> tuple[Any, Any]:
    """Open a live source again; returns the container and the stream of its pictures.

    Raises:
        av.FFmpegError: it cannot be reached.
        ValueError: it holds no video now.
    """
    container = av.open(**{"file": source, **opening_options(source)})
    stream = container.streams.best("video")
    if stream is None or stream.codec_context is None:
        container.close()
        raise ValueError("no video in it")
    return container, stream
