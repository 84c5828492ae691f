"""At which packets of a video decoding may begin and give the same pictures as from its start.

A container's mark of a key frame does not say that: frames after it may build on earlier ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

# Their key frames stand alone, and nothing shown after one builds on what was before it.
_INDEPENDENT_KEYS = {
    "av1", "dnxhd", "ffv1", "ffvhuff", "huffyuv", "libdav1d", "libaom-av1", "libvpx", "libvpx-vp9",
    "mjpeg", "mpeg1video", "mpeg2video", "mpeg4", "png", "prores", "rawvideo", "utvideo", "v210",
    "vp8", "vp9",
}  # fmt: skip
_HEVC_ENTRIES = range(16, 22)  # types of NAL units: BLA, IDR and CRA pictures
_H264_IDR, _H264_SLICE, _H264_SEI = 5, 1, 6
_RECOVERY_POINT = 6
_EXACT_AT_ONCE = 0b11000000  # no frame to wait for, and the match is exact


class EntryCheck:
    """Says of the key packets of a stream whether decoding may begin there.

    Args:
        stream: the open stream of a video file.
    """

    def __init__(self, stream: Any) -> None:
        self._codec = stream.codec_context.name
        extra = bytes(stream.codec_context.extradata or b"")
        self._length_bytes = 0  # 0: units are separated by start codes
        if extra[:1] == b"\1":
            at = {"h264": 4, "hevc": 21}.get(self._codec)
            self._length_bytes = (extra[at] & 3) + 1 if at and len(extra) > at else 0

    def __call__(self, packet: Any) -> bool:
        """Say whether decoding may begin at a packet."""
        if not packet.is_keyframe or packet.pts is None:
            return False
        if self._codec in _INDEPENDENT_KEYS:
            return True
        if self._codec == "hevc":
            kinds = [unit[0] >> 1 & 63 for unit in self._units(packet)]
            slices = [kind for kind in kinds if kind < 32]
            return bool(slices) and all(kind in _HEVC_ENTRIES for kind in slices)
        return self._codec == "h264" and self._is_h264_entry(packet)

    def _is_h264_entry(self, packet: Any) -> bool:
        recovers = False
        for unit in self._units(packet):
            kind = unit[0] & 31
            if kind == _H264_SEI:
                recovers |= _recovers_at_once(unit)
            elif kind == _H264_IDR:
                return True
            elif kind == _H264_SLICE:
                return recovers
        return False

    def _units(self, packet: Any) -> Iterator[bytes]:
        """Yield the NAL units of a packet."""
        data = bytes(packet)
        if not self._length_bytes:
            for unit in data.split(b"\0\0\1")[1:]:
                if unit:
                    yield unit
            return
        at = 0
        while at + self._length_bytes < len(data):
            length = int.from_bytes(data[at : at + self._length_bytes], "big")
            at += self._length_bytes
            if unit := data[at : at + length]:
                yield unit
            at += length


def _recovers_at_once(unit: bytes) -> bool:
    """Say whether an SEI unit of H.264 marks a point from which on all pictures are exact."""
    at = 1
    while at + 2 < len(unit):
        kind, at = _value(unit, at)
        size, at = _value(unit, at)
        if kind == _RECOVERY_POINT:
            return at < len(unit) and unit[at] & _EXACT_AT_ONCE == _EXACT_AT_ONCE
        at += size
    return False


def _value(unit: bytes, at: int) -> tuple[int, int]:
    """Read a number written as bytes of 255 and one less; return it and the place behind it."""
    value = 0
    while at < len(unit) and unit[at] == 255:
        value, at = value + 255, at + 1
    return (value + unit[at], at + 1) if at < len(unit) else (value, at)
