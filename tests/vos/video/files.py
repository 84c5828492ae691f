"""Video files that tests make: a ramp of brightness whose levels tell the frames apart."""

from __future__ import annotations

import http.server
from fractions import Fraction

import av
import numpy as np

COUNT = 24
_INTRA = {"g": "1"}
_OPTIONS = {
    "libx264": {"preset": "ultrafast", "tune": "zerolatency", "crf": "12"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none:pools=1:bframes=0"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"},
}
_PIXELS = {"mjpeg": "yuvj420p", "gif": "rgb8", "png": "rgb24", "apng": "rgb24", "ffv1": "yuv444p"}


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files, and says nothing of it."""

    def log_message(self, *args):
        """Say nothing."""


def level(number):
    """Return the brightness of a frame's upper half."""
    return 20 + 9 * number


def ramp(number, size=(64, 96)):
    """Return frame `number`, RGB (H, W, 3) uint8: a plain upper half, noise below."""
    image = np.random.default_rng(number).integers(60, 120, (*size, 3)).astype(np.uint8)
    image[: size[0] // 2] = level(number)
    return image


def number_of(image):
    """Tell which frame of the ramp a picture is."""
    return round((float(image[4:20, 4:40].mean()) - 20) / 9)


def encode_ramp(
    path, codec="libx264", *, count=COUNT, intra=False, options=(), container=(), times=None,
    size=(64, 96), form=None, pixels=None, setup=None, sound=False, rotation=0,
    first=0,
):  # fmt: skip
    """Write the ramp as a video of 25 frames a second and return its path.

    Args:
        path: the file; its ending says the container unless `form` does.
        codec: FFmpeg's name of the encoder.
        count: frames.
        intra: whether every frame stands alone.
        options: further pairs for the encoder.
        container: pairs for the container.
        times: time of each frame in milliseconds; every 40 without.
        size: (height, width).
        form: FFmpeg's name of the container.
        pixels: the pixel format.
        setup: called with the encoder's context before the first frame.
        sound: a track of silence beside the pictures.
        first: number of the first frame, whose time is 0 all the same.
        rotation: degrees by which players turn the pictures.
    """
    chosen = {**_OPTIONS.get(codec, {}), **(_INTRA if intra else {}), **dict(options)}
    base = Fraction(1, 1000) if times else Fraction(1, 25)
    with av.open(str(path), "w", format=form, options=dict(container)) as out:
        stream = out.add_stream(codec, rate=25, options=chosen)
        stream.pix_fmt = pixels or _PIXELS.get(codec, "yuv420p")
        stream.height, stream.width = size
        stream.codec_context.time_base = base
        if rotation:
            stream.set_display_rotation(rotation)
        if setup:
            setup(stream.codec_context)
        audio = out.add_stream("aac", rate=48000, layout="mono") if sound else None
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(ramp(first + number, size), "rgb24")
            frame.pts, frame.time_base = times[number] if times else number, base
            if audio is not None:
                out.mux(audio.encode(_silence(number)))
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if audio is not None:
            out.mux(audio.encode(None))
    return path


def _silence(number):
    noise = np.random.default_rng(number).normal(0, 0.1, (1, 1920)).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(noise, "fltp", "mono")
    frame.sample_rate, frame.pts, frame.time_base = 48000, 1920 * number, Fraction(1, 48000)
    return frame


def packet_places(path, kind="video"):
    """Return (offset, size) of a file's packets, in the file's order."""
    with av.open(str(path)) as file:
        return [(p.pos, p.size) for p in file.demux(file.streams.best(kind)) if p.size]


def cut(path, packets, share=0.0):
    """Cut a file before its packet of this number, or behind a share of it."""
    offset, size = packet_places(path)[packets]
    path.write_bytes(path.read_bytes()[: offset + int(size * share)])
    return path


def damage(path, number, keep=12):
    """Overwrite a packet by noise, its first bytes aside."""
    offset, size = packet_places(path)[number]
    noise = np.random.default_rng(0).integers(0, 256, size - keep, np.uint8).tobytes()
    data = path.read_bytes()
    path.write_bytes(data[: offset + keep] + noise + data[offset + size :])
    return path
