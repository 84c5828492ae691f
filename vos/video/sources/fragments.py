"""What a fragmented MP4 says of itself: how many fragments it has, and how long it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_BASE_OFFSET, _DESCRIPTION, _DURATION = 0x1, 0x2, 0x8  # flags of a fragment's header
_RUN_OFFSET, _RUN_FIRST_FLAGS, _RUN_DURATION = 0x1, 0x4, 0x100  # flags of a run of samples
_RUN_FIELDS = (0x100, 0x200, 0x400, 0x800)
_MOST_BOXES = 1_000_000
_MOST_BYTES = 1 << 24  # of a box whose content is read
_FORMS = {b"ftyp", b"styp", b"moov", b"moof", b"sidx", b"free", b"skip", b"mdat", b"wide"}


@dataclass(frozen=True)
class Fragments:
    """What the boxes of a fragmented MP4 state."""

    count: int
    """Fragments that are there."""
    listed: int
    """Fragments that the index at the end lists, 0 without one."""
    seconds: float | None
    """From the first frame to the end, by an index in front that lists more bytes than the file
    has; None without one."""


def fragments_of(path: Path) -> Fragments | None:
    """Read a file's outermost boxes; None if it is no MP4 in fragments.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        count, listed, seconds = 0, 0, 0.0
        file_end = file.seek(0, os.SEEK_END)
        for kind, start, size in _boxes(file, file_end):
            if kind == b"moof":
                count += 1
            elif kind == b"sidx" and not count:  # others, of one fragment each, lie between
                stated, length = _segment_index(_content(file, start, size))
                if start + size + stated > file_end:
                    seconds = max(seconds, length)
            elif kind == b"mfra":
                listed = _listed_fragments(_content(file, start, size))
    return Fragments(count, listed, seconds or None) if count else None


def _boxes(file: BinaryIO, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and size of the outermost boxes that lie wholly in the file."""
    start = 0
    for _ in range(_MOST_BOXES):
        file.seek(start)
        head = file.read(16)
        kind, size = head[4:8], int.from_bytes(head[:4], "big")
        if not start and kind not in _FORMS:
            return
        if size == 1:
            size = int.from_bytes(head[8:16], "big")
        if size < 8 or start + size > end:
            return
        yield kind, start, size
        start += size


def _content(file: BinaryIO, start: int, size: int) -> bytes:
    file.seek(start + 8)
    return file.read(min(size - 8, _MOST_BYTES))


def _segment_index(content: bytes) -> tuple[int, float]:
    """Return the bytes after itself and the seconds that a segment index states.

    Both are 0 where it refers to further indexes.
    """
    width = 4 if content[:1] == b"\0" else 8
    scale = int.from_bytes(content[8:12], "big")
    stated = int.from_bytes(content[12 + width : 12 + 2 * width], "big")
    at = 16 + 2 * width
    count = int.from_bytes(content[at - 2 : at], "big")
    references = [content[at + 12 * n : at + 12 * n + 12] for n in range(count)]
    if not scale or any(len(reference) < 12 or reference[0] & 0x80 for reference in references):
        return 0, 0.0
    stated += sum(int.from_bytes(reference[:4], "big") for reference in references)
    return stated, sum(int.from_bytes(reference[4:8], "big") for reference in references) / scale


def _listed_fragments(content: bytes) -> int:
    """Return how many fragments the random access index of the track with most of them lists."""
    tracks = [_fragments_of_track(inner) for kind, inner in _children(content) if kind == b"tfra"]
    return max(tracks, default=0)


def _fragments_of_track(content: bytes) -> int:
    width = 8 if content[:1] == b"\1" else 4
    sizes = int.from_bytes(content[11:12], "big")
    entry = 2 * width + sum((sizes >> shift & 3) + 1 for shift in (0, 2, 4))
    count = int.from_bytes(content[12:16], "big")
    places = range(16 + width, min(16 + count * entry, len(content)), entry)
    return len({content[place : place + width] for place in places})


def missing_samples(path: Path, track: int) -> dict[int, int]:
    """Find where a track's fragments do not follow each other in time.

    Args:
        path: a fragmented MP4.
        track: the track's number in the file.

    Returns:
        Number of a sample, counted over the fragments from 0, to the samples missing before it.

    Raises:
        OSError: the file cannot be read.
    """
    missing: dict[int, int] = {}
    number, expected = 0, None
    for begin, samples, ticks in _parts(path, track):
        if begin is not None and expected is not None and ticks:
            lost = round((begin - expected) * samples / ticks)
            if lost > 0:
                missing[number] = lost
        expected = None if begin is None else begin + ticks
        number += samples
    return missing


def _parts(path: Path, track: int) -> Iterator[tuple[int | None, int, int]]:
    """Yield what `_runs` says of each fragment."""
    default = 0
    with path.open("rb") as file:
        for kind, start, size in _boxes(file, file.seek(0, os.SEEK_END)):
            if kind == b"moov":
                default = _default_duration(_content(file, start, size), track)
            elif kind == b"moof":
                yield from _runs(_content(file, start, size), track, default)


def _children(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and content of the boxes in a box."""
    start = 0
    while start + 8 <= len(content):
        size = int.from_bytes(content[start : start + 4], "big")
        if size < 8:
            return
        yield content[start + 4 : start + 8], content[start + 8 : start + size]
        start += size


def _default_duration(moov: bytes, track: int) -> int:
    for kind, content in _children(moov):
        if kind == b"mvex":
            for inner, fields in _children(content):
                if inner == b"trex" and int.from_bytes(fields[4:8], "big") == track:
                    return int.from_bytes(fields[12:16], "big")
    return 0


def _runs(moof: bytes, track: int, default: int) -> Iterator[tuple[int | None, int, int]]:
    """Yield start (None if unsaid), samples and ticks of a track's parts of a fragment."""
    for kind, content in _children(moof):
        if kind != b"traf":
            continue
        begin, samples, ticks, is_of_track, duration = None, 0, 0, False, default
        for inner, fields in _children(content):
            if inner == b"tfhd":
                is_of_track = int.from_bytes(fields[4:8], "big") == track
                duration = _fragment_duration(fields, default)
            elif inner == b"tfdt":
                begin = int.from_bytes(fields[4:12] if fields[:1] == b"\1" else fields[4:8], "big")
            elif inner == b"trun":
                count, length = _run_length(fields, duration)
                samples, ticks = samples + count, ticks + length
        if is_of_track:
            yield begin, samples, ticks


def _fragment_duration(header: bytes, default: int) -> int:
    flags = int.from_bytes(header[1:4], "big")
    at = 8 + (8 if flags & _BASE_OFFSET else 0) + (4 if flags & _DESCRIPTION else 0)
    return int.from_bytes(header[at : at + 4], "big") if flags & _DURATION else default


def _run_length(run: bytes, duration: int) -> tuple[int, int]:
    """Return how many samples a run has, and their ticks."""
    flags, count = int.from_bytes(run[1:4], "big"), int.from_bytes(run[4:8], "big")
    if not flags & _RUN_DURATION:
        return count, count * duration
    at = 8 + (4 if flags & _RUN_OFFSET else 0) + (4 if flags & _RUN_FIRST_FLAGS else 0)
    width = 4 * sum(bool(flags & field) for field in _RUN_FIELDS)
    places = range(at, min(at + count * width, len(run)), width)
    return count, sum(int.from_bytes(run[place : place + 4], "big") for place in places)
