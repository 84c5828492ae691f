"""Several pictures in one file, read one at a time: pages of a TIFF, animated WebP, bare GIF.

Letters: H W pixels.
"""

from __future__ import annotations

import mmap
import struct
import warnings
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vos.errors import IncompleteSourceError, InputError
from vos.pictures.levels import TIFF_STARTS, SequenceLevels
from vos.video.images import decode_image
from vos.video.sources.file_kind import TiffPages, tiff_pages, webp_delays

Page = tuple[int, float | None, NDArray[np.uint8]]
"""Number from 0, seconds since the first one (None of a TIFF), RGB (H, W, 3)."""
_MOST_BYTES = (1 << 31) - 1  # what the decoder takes as one piece
_GIF_DELAY = 100  # milliseconds; what players take where none is written


class PageFile:
    """A file of several pictures; no more than one of them is in memory.

    Attributes:
        count: how many pictures it has.
        fps: pictures per second, None of a TIFF.

    Args:
        path: the file, which `vos.video.sources.file_kind.file_kind` calls `pages`.
        allow_truncated: take a file that is cut off as whole.

    Raises:
        InputError: it cannot be read.
    """

    def __init__(self, path: Path, *, allow_truncated: bool = False) -> None:
        self._path = path
        self._allow_truncated = allow_truncated
        self._tiff: TiffPages | None = None
        self.fps: Fraction | None = None
        with path.open("rb") as file:
            start = file.read(4)
        if start in TIFF_STARTS:
            self._tiff = tiff_pages(path)
            self.count = len(self._tiff.pages)
            if path.stat().st_size > _MOST_BYTES:
                raise InputError(f"{path}: a TIFF above 2 GiB; split it into a file for each page")
            return
        self._is_webp = start == b"RIFF"
        if self._is_webp:
            delays = webp_delays(path)
            self.count = len(delays)
            self.fps = Fraction(1000 * self.count, sum(delays)) if sum(delays) else None
        else:
            with self._opened() as image:
                self.count = getattr(image, "n_frames", 1)
            self.fps = Fraction(1000, _GIF_DELAY)

    def levels(self) -> SequenceLevels:
        """Return the levels of the sequence of all pages, as `pages` takes them."""
        tiff = self._tiff
        numbers = range(self.count)
        return SequenceLevels(
            str(self._path), lambda: (self._alone(tiff, n) for n in numbers if tiff)
        )

    def pages(
        self,
        select: Callable[[int], bool],
        end: int | None = None,
        levels: SequenceLevels | None = None,
    ) -> Iterator[Page]:
        """Yield the selected pictures in order, reading no further than `end`.

        Args:
            select: which ones, by number.
            end: number behind the last one that may be selected.
            levels: of the sequence that they belong to; by default that of all pages.

        Raises:
            InputError: one cannot be decoded (`IncompleteSourceError` behind the first), or the
                file is cut off.
        """
        past = self.count if end is None else min(end, self.count)
        numbers = range(past)
        if self._tiff is None:
            yield from self._played(numbers, select)
            return
        levels = levels or self.levels()
        for number in filter(select, numbers):
            try:
                image = decode_image(
                    self._alone(self._tiff, number), f"{self._path}, page {number + 1}", levels
                )
            except InputError as error:
                if number < self.count - 1:
                    raise self._error(number, str(error)) from None
                self._end_early(number)
                return
            yield number, None, image
        if self._tiff.is_cut and (end is None or end > self.count):
            self._end_early(self.count)

    def _alone(self, tiff: TiffPages, number: int) -> mmap.mmap:
        """Return the file's bytes as if it had this page alone.

        It is a private copy, of which only what is touched is in memory.
        """
        with self._path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        tags, following = tiff.pages[number]
        form = f"{tiff.order}{'Q' if tiff.big else 'I'}"
        struct.pack_into(form, data, 8 if tiff.big else 4, tags)
        struct.pack_into(form, data, following, 0)
        return data

    def _end_early(self, count: int) -> None:
        """Warn of a file whose last pages are missing or damaged.

        Raises:
            InputError: that is not to be passed over.
        """
        text = f"{self._path}: cut off after {count} readable pages"
        if not self._allow_truncated or not count:
            raise self._error(count, f"{text}; to use those, add --allow-truncated")
        warnings.warn(text, stacklevel=2)

    def _played(self, numbers: range, select: Callable[[int], bool]) -> Iterator[Page]:
        with self._opened() as image:
            time = 0
            for number in numbers:
                try:
                    image.seek(number)
                    picture = image.convert("RGB")
                except (OSError, EOFError, ValueError, SyntaxError) as error:
                    text = f"{self._path}: frame {number} cannot be decoded ({error})"
                    raise self._error(number, text) from None
                if select(number):
                    yield number, time / 1000, np.array(picture)
                time += image.info.get("duration") or (0 if self._is_webp else _GIF_DELAY)

    def _opened(self) -> Image.Image:
        try:
            return Image.open(self._path)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise InputError(f"{self._path}: not a readable picture ({error})") from None

    @staticmethod
    def _error(number: int, text: str) -> InputError:
        return (IncompleteSourceError if number else InputError)(text)
