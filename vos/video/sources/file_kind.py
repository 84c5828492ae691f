"""What a file given as a source is: a picture, pictures in a row, an archive, or a video.

The first bytes say it; a name's ending may be wrong.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from vos.pictures.levels import TIFF_STARTS
from vos.video.box_pictures import is_animated_avif

FileKind = Literal["image", "pages", "archive", "video"]
_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
_PNG_START = b"\x89PNG\r\n\x1a\n"
_GIF_STARTS = (b"GIF87a", b"GIF89a")
_SUBFILE_KIND, _OLD_SUBFILE_KIND = 254, 255  # tags: what a page is for
_SHORT = 3  # TIFF's number of the type of 16 bits
_REDUCED, _MASK, _OLD_REDUCED = 1, 4, 2
_MOST_TAGS = 4096


def file_kind(path: Path, *, named_as_picture: bool) -> FileKind:
    """Tell what kind of source a file is.

    Args:
        path: a file.
        named_as_picture: whether its name ends as a frame's does. Others are videos, apart from
            archives, and from GIF without delays, which FFmpeg takes for one picture.
    """
    try:
        with path.open("rb") as file:
            start = file.read(12)
        if start[:4] in _ZIP_STARTS:
            return "archive"
        if start[:6] in _GIF_STARTS:
            return "pages" if gif_lacks_delays(path) else "video"
        if not named_as_picture or is_animated_avif(path) or png_frames(path) > 1:
            return "video"
        return "pages" if _page_count(path, start) > 1 else "image"
    except OSError:  # reading the file says why
        return "image" if named_as_picture else "video"


def _page_count(path: Path, start: bytes) -> int:
    if start[:4] in TIFF_STARTS:
        return len(tiff_pages(path).pages)
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return len(webp_delays(path))
    return 1


def png_frames(path: Path) -> int:
    """Return how many frames an animated PNG says it has, 0 of another file."""
    with path.open("rb") as file:
        if file.read(8) != _PNG_START:
            return 0
        while len(head := file.read(8)) == 8 and head[4:] not in (b"IDAT", b"IEND"):
            if head[4:] == b"acTL":
                return int.from_bytes(file.read(4), "big")
            file.seek(int.from_bytes(head[:4], "big") + 4, 1)  # the content and its checksum
    return 0


def webp_delays(path: Path) -> list[int]:
    """Return the milliseconds that each frame of an animated WebP is shown; none of others."""
    delays: list[int] = []
    with path.open("rb") as file:
        file.seek(12)
        while len(head := file.read(8)) == 8:
            size = int.from_bytes(head[4:], "little")
            if head[:4] == b"ANMF":
                delays.append(int.from_bytes(file.read(16)[12:15], "little"))
                size -= 16
            file.seek(size + size % 2, 1)
    return delays


def holds_several_pictures(path: Path) -> bool:
    """Say whether a file, named as a picture, holds more than one."""
    kind = file_kind(path, named_as_picture=True)
    if kind != "video":
        return kind == "pages"
    with path.open("rb") as file:
        is_gif = file.read(6) in _GIF_STARTS
    return not is_gif or _gif_pictures(path)[0] > 1


def gif_lacks_delays(path: Path) -> bool:
    """Say whether a GIF of several pictures has one without the block that holds its delay."""
    pictures, lacking, is_whole = _gif_pictures(path)
    return is_whole and pictures > 1 and lacking > 0


def _gif_pictures(path: Path) -> tuple[int, int, bool]:
    """Return a GIF's number of pictures, of those without a delay, and whether its end is there."""
    pictures = lacking = 0
    delayed = False
    with path.open("rb") as file:
        _skip_color_table(file, file.read(13)[10:11])
        while mark := file.read(1):
            if mark == b"!":
                delayed |= file.read(1) == b"\xf9"
                _skip_blocks(file)
            elif mark == b",":
                pictures += 1
                lacking += not delayed
                delayed = False
                _skip_color_table(file, file.read(9)[8:9])
                file.seek(1, 1)
                _skip_blocks(file)
            else:
                break
        return pictures, lacking, mark == b";"


def _skip_color_table(file: BinaryIO, flags: bytes) -> None:
    if flags and flags[0] & 0x80:
        file.seek(3 << ((flags[0] & 7) + 1), 1)


def _skip_blocks(file: BinaryIO) -> None:
    while (size := file.read(1)) not in (b"", b"\0"):
        file.seek(size[0], 1)


@dataclass(frozen=True)
class TiffPages:
    """Where the pictures of a TIFF are."""

    order: str
    """Byte order, `<` or `>`, as Python's `struct` has it."""
    big: bool
    """Whether offsets have 64 bits."""
    pages: tuple[tuple[int, int], ...]
    """Where the tags of each page are, and where the place of the next page's is written;
    thumbnails and masks of pages are left out."""
    is_cut: bool
    """Whether further pages lie beyond the end of the file."""


def tiff_pages(path: Path) -> TiffPages:
    """Find the pages of a TIFF by its chain of tags; no picture is read.

    Raises:
        OSError: the file cannot be read.
    """
    pages: list[tuple[int, int]] = []
    with path.open("rb") as file:
        start = file.read(16)
        order, big = TIFF_STARTS[start[:4]], start[2:4] in (b"+\0", b"\0+")
        at = _number(order, start[8:16] if big else start[4:8])
        visited: set[int] = set()
        while at and at not in visited:
            visited.add(at)
            read = _read_tags(file, order, at, big=big)
            if read is None:
                return TiffPages(order, big, tuple(pages), is_cut=True)
            tags, following = read
            if not _is_auxiliary(tags):
                pages.append((at, file.tell() - (8 if big else 4)))
            at = following
    return TiffPages(order, big, tuple(pages), is_cut=False)


def _read_tags(
    file: BinaryIO, order: str, at: int, *, big: bool
) -> tuple[dict[int, int], int] | None:
    """Read one page's tags of what it is for, and where the next page's tags are."""
    if at >= 1 << 63:  # no place in any file
        return None
    file.seek(at)
    count_bytes, entry_bytes, offset_bytes = (8, 20, 8) if big else (2, 12, 4)
    count = _number(order, file.read(count_bytes))
    if not 0 < count <= _MOST_TAGS:
        return None
    data = file.read(count * entry_bytes + offset_bytes)
    if len(data) < count * entry_bytes + offset_bytes:
        return None
    entries = data[: count * entry_bytes]
    return dict(_purposes(entries, order, entry_bytes)), _number(order, data[len(entries) :])


def _purposes(entries: bytes, order: str, entry_bytes: int) -> Iterator[tuple[int, int]]:
    for place in range(0, len(entries), entry_bytes):
        tag, kind = struct.unpack_from(f"{order}HH", entries, place)
        if tag in (_SUBFILE_KIND, _OLD_SUBFILE_KIND):
            at = place + (12 if entry_bytes == 20 else 8)
            yield tag, _number(order, entries[at : at + (2 if kind == _SHORT else 4)])


def _is_auxiliary(tags: dict[int, int]) -> bool:
    """Say whether a page is a thumbnail, or the mask of another page."""
    if tags.get(_SUBFILE_KIND, 0) & (_REDUCED | _MASK):
        return True
    return tags.get(_OLD_SUBFILE_KIND) == _OLD_REDUCED


def _number(order: str, data: bytes) -> int:
    return int.from_bytes(data, "little" if order == "<" else "big")
