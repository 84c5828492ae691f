"""Damage inside JPEG files, by the warnings of libjpeg, which decoders pass over in silence.

A damaged JPEG decodes to noise or gray from the damage on. The check decodes a file a second time,
at an eighth of its size; it gives no pixels, so those of the decoder in use stay as they are.
"""

from __future__ import annotations

import re

import simplejpeg

_START, _END, _SCAN = b"\xff\xd8", b"\xff\xd9", b"\xff\xda"
_UNKNOWN_KIND = re.compile(r"Unsupported color|subsampling|component")
_BYTES_BEFORE_THE_END = re.compile(r"\d+ extraneous bytes before marker 0xd9")
_NOT_FRAME_HEADERS = (0xC4, 0xC8, 0xCC)
_SEQUENTIAL = (0xC0, 0xC1)
_EIGHTH = 8


def is_jpeg(data: bytes) -> bool:
    """Say whether a file's bytes start as a JPEG's do."""
    return data.startswith(_START)


def jpeg_damage(data: bytes) -> str | None:
    """Say what is damaged in a JPEG.

    What comes after the end of the picture, padding before it, and a missing mark of the end after
    whole pixels are no damage.

    Returns:
        libjpeg's words; None of a whole picture, of other files, and of a kind of JPEG that the
        check cannot read.
    """
    if not is_jpeg(data):
        return None
    warning = _warning(data)
    if warning is None:
        return None
    if _BYTES_BEFORE_THE_END.search(warning):
        end = data.rfind(_END)
        return warning if _warning(data[:end].rstrip(b"\0") + _END) else None
    if is_cut_off(data) and _is_one_scan(data):
        return warning if _warning(with_end(data)) else None
    return warning


def is_cut_off(data: bytes) -> bool:
    """Say whether a JPEG lacks the mark of its end; that of a preview inside does not count."""
    return data.find(_END, max(data.rfind(_SCAN), 0)) < 0


def with_end(data: bytes) -> bytes:
    """Return a JPEG with the mark of its end, without which decoders refuse it; others as is."""
    return data + _END if is_jpeg(data) and is_cut_off(data) else data


def _warning(data: bytes) -> str | None:
    """Return what libjpeg says of damaged pixels, a warning or an error; None if nothing."""
    four = _components(data)[1] == 4
    try:
        simplejpeg.decode_jpeg(
            data,
            colorspace="CMYK" if four else "GRAY",  # as quick as it can be
            fastdct=True,
            fastupsample=True,
            min_factor=_EIGHTH,
        )
    except KeyError:  # an unusual subsampling
        return None
    except ValueError as error:
        text = str(error)
        return None if _UNKNOWN_KIND.search(text) or text == _header_warning(data) else text
    return None


def _header_warning(data: bytes) -> str | None:
    """Return what libjpeg says of the parts before the pixels, such as bytes between them."""
    try:
        simplejpeg.decode_jpeg_header(data)
    except (ValueError, KeyError) as error:
        return str(error)
    return None


def _components(data: bytes) -> tuple[int, int, int]:
    """Return a JPEG's kind (the marker of its frame), its components, and those of the first scan.

    What cannot be read is 0.
    """
    place, kind, components = len(_START), 0, 0
    while place + 10 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == _SCAN[1]:
            return kind, components, data[place + 4]
        if 0xC0 <= marker <= 0xCF and marker not in _NOT_FRAME_HEADERS:
            kind, components = marker, data[place + 9]
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return kind, components, 0


def _is_one_scan(data: bytes) -> bool:
    """Say whether all pixels are in one scan, so that none are missing after the last of it."""
    kind, components, scanned = _components(data)
    return kind in _SEQUENTIAL and scanned == components
