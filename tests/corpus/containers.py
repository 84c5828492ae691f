"""Video files made by PyAV, and what goes wrong with them: cut, damaged, renamed, turned.

Every packet keeps its place, so that a file can be cut on a packet's edge or damaged inside one.
"""

from __future__ import annotations

import struct
from fractions import Fraction
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np

from tests.corpus.scene import HEIGHT, WIDTH, picture

FRAMES = 12
INTRA = (("g", "1"), ("bf", "0"))
_X264 = (("preset", "ultrafast"), ("tune", "zerolatency"), ("threads", "1"))
_PRESETS = {
    "libx264": (*_X264, ("crf", "18")),
    "libx265": (("preset", "ultrafast"), ("x265-params", "log-level=none:pools=1:bframes=0"),
                ("crf", "14"), ("threads", "1")),
    "libvpx-vp9": (("deadline", "realtime"), ("cpu-used", "8"), ("b", "900k"),
                   ("lag-in-frames", "0"), ("threads", "1")),
    "mpeg4": (("qscale", "2"), ("flags", "+qscale"), ("global_quality", "236")),
}  # fmt: skip
_PIXELS = {"mjpeg": "yuvj420p", "gif": "rgb8", "png": "rgb24", "apng": "rgb24", "ffv1": "yuv444p",
           "libwebp_anim": "yuv420p"}  # fmt: skip


@cache
def video(
    form="mp4", *, codec="libx264", count=FRAMES, options=(), container=(), times=None, sound=False,
    pixels=None, colour=None, size=(HEIGHT, WIDTH), ratio=None,
):  # fmt: skip
    """Encode the scene and return the file's bytes.

    Args:
        form: FFmpeg's name of the container.
        codec: FFmpeg's name of the encoder.
        count: frames.
        options: pairs for the encoder.
        container: pairs for the container.
        times: time of each frame in milliseconds; every 40 without.
        sound: silence beside the pictures.
        pixels: the pixel format.
        colour: number of the transfer characteristic.
        size: (height, width) of the frames, which the scene is cut or repeated to.
        ratio: width of a pixel to its height.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "video"  # a file, since some forms are written in two passes
        with av.open(str(path), "w", format=form, options=dict(container)) as out:
            stream = out.add_stream(codec, rate=25, options=_encoder_options(codec, options))
            stream.pix_fmt = pixels or _PIXELS.get(codec, "yuv420p")
            stream.height, stream.width = size
            context = stream.codec_context
            if colour is not None:
                context.color_trc = colour
                context.color_primaries = context.colorspace = 9
            if ratio is not None:
                context.sample_aspect_ratio = ratio
            audio = out.add_stream("aac", rate=48000, layout="mono") if sound else None
            _encode(out, stream, audio, times or range(0, 40 * count, 40))
        return path.read_bytes()


def _encoder_options(codec, options):
    return dict((*_PRESETS.get(codec, ()), *options))


def _encode(out, stream, audio, times):
    """Encode the scene, a frame at each of the times in milliseconds."""
    base = Fraction(1, 1000) if any(time % 40 for time in times) else Fraction(1, 25)
    stream.codec_context.time_base = base
    for number, time in enumerate(times):
        size = stream.height, stream.width
        frame = av.VideoFrame.from_ndarray(_fitted(picture(number), size), "rgb24")
        frame.pts, frame.time_base = round(Fraction(time, 1000) / base), base
        if audio is not None:
            out.mux(audio.encode(_silence(number)))
        out.mux(stream.encode(frame))
    out.mux(stream.encode(None))
    if audio is not None:
        out.mux(audio.encode(None))


def _fitted(image, size):
    height, width = size
    repeats = (-(-height // HEIGHT), -(-width // WIDTH), 1)
    return np.ascontiguousarray(np.tile(image, repeats)[:height, :width])


def _silence(number):
    noise = np.random.default_rng(number).normal(0, 0.1, (1, 1920)).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(noise, "fltp", "mono")
    frame.sample_rate, frame.pts, frame.time_base = 48000, 1920 * number, Fraction(1, 48000)
    return frame


def intra(form="mp4", **more):
    """Encode the scene so that every frame stands alone."""
    return video(form, options=INTRA, **more)


def places(data, kind="video"):
    """Return (offset, size) of the packets of a file's bytes, in the file's order."""
    with av.open(BytesIO(data)) as file:
        stream = file.streams.best(kind)
        return [(p.pos, p.size) for p in file.demux(stream) if p.size]


def cut_on_edge(data, packets=6):
    """Cut a file before its packet of this number."""
    return data[: places(data)[packets][0]]


def cut_inside(data, packets=6):
    """Cut a file in the middle of its packet of this number."""
    offset, size = places(data)[packets]
    return data[: offset + size // 2]


def cut_in_sound(data, after=6):
    """Cut a file inside the first packet of sound after so many pictures."""
    picture_place = places(data)[after][0]
    offset, size = next(p for p in places(data, "audio") if p[0] > picture_place)
    return data[: offset + size // 2]


def damaged(data, number, *, keep=12):
    """Overwrite the inside of a packet by noise, its first bytes aside."""
    offset, size = places(data)[number]
    noise = np.random.default_rng(0).integers(0, 256, size - keep, np.uint8).tobytes()
    return data[: offset + keep] + noise + data[offset + size :]


def renamed(data, *pairs):
    """Write other names of the same length in the place of tags."""
    for old, new in pairs:
        assert old in data, f"no {old!r} in the file"
        assert len(old) == len(new)
        data = data.replace(old, new)
    return data


def remuxed(data, form, keep, shift=0):
    """Copy the packets whose numbers `keep` takes, times shifted by so many frames."""
    buffer = BytesIO()
    with av.open(BytesIO(data)) as file, av.open(buffer, "w", format=form) as out:
        source = file.streams.video[0]
        stream = out.add_stream_from_template(source)
        packets = [p for p in file.demux(source) if p.size]
        step = packets[0].duration or 1
        for number, packet in enumerate(packets):
            if keep(number):
                packet.pts, packet.dts = packet.pts + shift * step, packet.dts + shift * step
                packet.stream = stream
                out.mux(packet)
    return buffer.getvalue()


def turned(data, degrees=90):
    """Write a display matrix of a quarter turn into the track of an MP4 file."""
    one = 1 << 16
    matrix = {90: (0, one, 0, -one, 0, 0), 180: (-one, 0, 0, 0, -one, 0)}[degrees]
    at = data.index(b"tkhd") + 4 + 4 + 36  # version 0, before the matrix: 36 bytes of fields
    stored = struct.pack(">6i", *matrix) + struct.pack(">3i", 0, 0, 1 << 30)
    assert data[at : at + 4] == struct.pack(">i", one)
    return data[:at] + stored + data[at + 36 :]
