"""What this build of FFmpeg, inside PyAV, can read, write and convert."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Literal

from vos.doctor.check import Check, attempt

_GROUP = "video"
_DECODERS = {
    "H.264": ("h264",),
    "H.265": ("hevc",),
    "MPEG-4": ("mpeg4",),
    "VP9": ("vp9", "libvpx-vp9"),
    "AV1": ("libdav1d", "libaom-av1", "av1"),
    "Motion JPEG": ("mjpeg",),
    "ProRes": ("prores",),
    "FFV1": ("ffv1",),
}
"""Kinds of video that people have, and FFmpeg's decoders of them."""
_MAIN = {"H.264", "H.265", "MPEG-4"}
_ENCODER_USES = {
    "h264": "overlay.mp4, which vos segment writes,",
    "prores": "alpha.mov, which --alpha video writes,",
    "vp9": "a .webm file with alpha, which Python code may write,",
}
_FILTERS = ("buffer", "scale", "format", "buffersink")
"""What frames are converted by (`vos.video.filters`)."""
_ADVICE = 'install PyAV\'s own build, which has it: pip install --force-reinstall "av>=15"'


def video_checks() -> Iterator[Check]:
    """Give the decoders, encoders, filters and what else sources need."""
    if find_spec("av") is None:
        return  # the versions say so
    opened = attempt(_GROUP, "FFmpeg", _library_text, _ADVICE)
    yield opened
    if opened.state == "fails":
        return
    yield from map(_decoder_check, _DECODERS)
    yield from _encoder_checks()
    yield from _filter_checks()
    yield _camera_check()
    if find_spec("pillow_heif"):
        yield Check(_GROUP, "HEIC pictures", "ok", "pillow-heif")
    else:
        yield Check(_GROUP, "HEIC pictures", "absent", "they need: pip install pillow-heif")


def _library_text() -> str:
    import av

    numbers = {name: av.library_versions[name] for name in ("libavcodec", "libavfilter")}
    return ", ".join(f"{name} {'.'.join(map(str, n))}" for name, n in numbers.items())


def codec_name(names: tuple[str, ...], mode: Literal["r", "w"]) -> str | None:
    """Return the first of these codecs that this FFmpeg has.

    Args:
        names: FFmpeg's names.
        mode: "r" for decoders, "w" for encoders.
    """
    import av

    for name in names:
        try:
            av.Codec(name, mode)
        except ValueError:  # PyAV's UnknownCodecError
            continue
        return name
    return None


def _decoder_check(kind: str) -> Check:
    name = codec_name(_DECODERS[kind], "r")
    if name:
        return Check(_GROUP, f"read {kind}", "ok", name)
    if kind in _MAIN:
        return Check(_GROUP, f"read {kind}", "fails", "no decoder", _ADVICE)
    return Check(_GROUP, f"read {kind}", "absent", "no decoder; such videos are refused")


def _encoder_checks() -> Iterator[Check]:
    from vos.video.writer import encoder_names

    for codec, encoder in encoder_names().items():
        name, use = f"write {codec}", _ENCODER_USES[codec]
        if codec_name((encoder,), "w"):
            yield Check(_GROUP, name, "ok", encoder)
        elif codec == "h264":
            yield Check(_GROUP, name, "fails", f"no {encoder}; {use} needs it", _ADVICE)
        else:
            yield Check(_GROUP, name, "absent", f"no {encoder}; {use} needs it")


def _filter_checks() -> Iterator[Check]:
    import av.filter

    from vos.video.filters import maps_tones

    missing = [name for name in _FILTERS if name not in av.filter.filters_available]
    if missing:
        yield Check(_GROUP, "filters", "fails", f"no {', '.join(missing)}", _ADVICE)
        return
    yield Check(_GROUP, "filters", "ok", ", ".join(_FILTERS))
    if maps_tones():
        yield Check(_GROUP, "high dynamic range", "ok", "mapped to SDR")
    else:
        yield Check(
            _GROUP, "high dynamic range", "absent", "FFmpeg before 7.1; colours of HDR are pale"
        )


def _camera_check() -> Check:
    import av

    try:
        av.ContainerFormat("v4l2", "r")
    except ValueError:
        return Check(
            _GROUP, "cameras by number", "absent", "no v4l2; give a stream's address in their place"
        )
    return Check(_GROUP, "cameras by number", "ok", "v4l2")
