"""Pictures of more than 8 bits a sample: which level is white, and their levels in 8 bits.

A 16-bit file may hold 10 or 12 bits, or just 8; taken for 16 bits it is black. What counts is the
highest level of a whole sequence, so that all its frames are scaled alike.

Shape letters: H W pixels, C channels.
"""

from __future__ import annotations

import io
import mmap
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import TiffImagePlugin

from vos.pictures.orientation import stored_orientation, turned_upright

FULL = 65535
TIFF_STARTS = {b"II*\0": "<", b"MM\0*": ">", b"II+\0": "<", b"MM\0+": ">"}
"""First bytes of a TIFF -> its byte order; those with a plus are BigTIFF."""
_DEPTHS = (8, 10, 12, 14, 16)
_REPLICATED = 257  # levels of 8 bits written in 16: 0, 257, 514, ...
_ONE_AND_A_BIT = 2.0  # real numbers from 0 to 1 may go a little over it by resampling
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_DEPTH_AT, _PNG_CHUNKS_AT = 24, 33
_BITS, _MEANING, _MAXIMUM, _FORMAT = 258, 262, 281, 339  # tags of TIFF
_REAL, _WHITE_IS_ZERO = 3, 0
Stored = bytes | mmap.mmap
"""The bytes of a picture's file."""
_NOT_FINITE = "holds values that are not finite (NaN or infinite)"


@dataclass(frozen=True)
class DeepForm:
    """What a file of more than 8 bits a sample says of itself."""

    bits: int
    """Bits of a sample as they are stored."""
    is_real: bool = False
    """Samples are floating-point numbers."""
    significant: int | None = None
    """PNG's sBIT: bits of the samples before they were stored."""
    highest: int = 0
    """TIFF's MaxSampleValue."""
    is_inverted: bool = False
    """The lowest level is white, as some TIFF files have it."""

    @property
    def white(self) -> float | None:
        """The level of white, where the form alone says it."""
        packed = not self.is_real and 8 < self.bits < 16
        return float((1 << self.bits) - 1) if packed else None


def deep_form(data: Stored) -> DeepForm | None:
    """Read the form of a PNG or TIFF of more than 8 bits a sample; None of all other files."""
    if data[:8] == _PNG:
        deep = data[_PNG_DEPTH_AT : _PNG_DEPTH_AT + 1] == b"\x10"
        return DeepForm(16, significant=_significant_bits(data)) if deep else None
    return _tiff_form(data) if data[:4] in TIFF_STARTS else None


def _significant_bits(data: Stored) -> int | None:
    """Return what a PNG's sBIT says of its colours, not of alpha; None if it has none."""
    place = _PNG_CHUNKS_AT
    while place + 8 <= len(data) and (kind := data[place + 4 : place + 8]) != b"IDAT":
        length = int.from_bytes(data[place : place + 4], "big")
        if kind == b"sBIT":
            samples = data[place + 8 : place + 8 + length]
            return max(samples[: 3 if length >= 3 else 1], default=None)
        place += 12 + length
    return None


def _tiff_form(data: Stored) -> DeepForm | None:
    try:
        # Pillow knows no header of a big-endian BigTIFF, but such a file's tags.
        head = b"II+\0" + data[4:16] if b"+" in data[2:4] else data[:8]
        tags = TiffImagePlugin.ImageFileDirectory_v2(head, prefix=data[:2])
        file: Any = data if isinstance(data, mmap.mmap) else io.BytesIO(data)
        file.seek(tags.next)
        tags.load(file)
        bits = max(_numbers(tags, _BITS), default=1)
        if bits <= 8:
            return None
        return DeepForm(
            bits,
            is_real=_REAL in _numbers(tags, _FORMAT),
            is_inverted=_WHITE_IS_ZERO in _numbers(tags, _MEANING),
            highest=max(_numbers(tags, _MAXIMUM), default=0),
        )
    except Exception:  # as Pillow's parsers of damaged files raise whatever they trip over
        return None


def _numbers(tags: Any, tag: int) -> tuple[int, ...]:
    value = tags.get(tag, ())
    return tuple(int(v) for v in value) if isinstance(value, tuple) else (int(value),)


def read_levels(data: Stored, form: DeepForm) -> NDArray[Any] | None:
    """Decode the samples of a deep file as they are stored, upright.

    Returns:
        (H, W), or (H, W, C) with blue first and C 3 or 4; None if they cannot be decoded.
    """
    try:
        levels: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    if levels is None or (levels.ndim == 3 and levels.shape[2] not in (3, 4)):
        return None
    if levels.dtype.itemsize == 1:  # of some forms OpenCV gives 8 bits
        return None
    if form.white:
        levels = levels >> (16 - form.bits)  # OpenCV fills 16 bits
    if data[:8] != _PNG:  # those of TIFF are upright already
        return np.asarray(levels)
    return turned_upright(levels, stored_orientation(bytes(data)))


def to_8_bits(levels: NDArray[Any], white: float) -> NDArray[np.uint8]:
    """Scale levels, of any shape, to 0 to 255.

    Raises:
        ValueError: a value is not finite.
    """
    if not np.isfinite(levels).all():
        raise ValueError(_NOT_FINITE)
    return np.clip(np.round(levels * (255 / white)), 0, 255).astype(np.uint8)


def shown_in_8_bits(levels: NDArray[Any], white: float, form: DeepForm) -> NDArray[np.uint8]:
    """Scale the levels of `read_levels`, in which `white` is the highest, to 0 (black) to 255.

    Raises:
        ValueError: a value is not finite.
    """
    image = to_8_bits(levels, white)
    return 255 - image if form.is_inverted else image


@dataclass
class LevelRange:
    """The highest level of the pictures seen so far, and what else tells their white."""

    is_real: bool = False
    highest: float = 0.0
    bits: int = 0
    """Most bits of a sample, as they are stored."""
    significant: int = 0
    """Most bits that a PNG's sBIT speaks of."""
    is_replicated: bool = True
    """All levels are those of 8 bits, spread over 16."""
    is_shifted: bool = True
    """All levels are those of `significant` bits, moved up to the top of 16."""

    @property
    def is_decided(self) -> bool:
        """Whether further pictures cannot change the white level."""
        is_short = not self.is_real and self.bits <= _DEPTHS[-1]
        return is_short and FULL >= self.highest >= 1 << _DEPTHS[-2]

    def add(self, levels: NDArray[Any], form: DeepForm) -> None:
        """Take note of the levels (H, W) or (H, W, C) of a picture; alpha does not count."""
        levels = levels[..., :3] if levels.ndim == 3 else levels
        if form.is_real:
            levels = levels[np.isfinite(levels)]
        self.bits = max(self.bits, form.bits)
        self.highest = max(self.highest, form.highest, float(levels.max(initial=0)))
        if form.is_real or self.is_decided:
            return
        self.significant = max(self.significant, min(form.significant or 0, 16))
        self.is_replicated = self.is_replicated and not (levels % _REPLICATED).any()
        if self.significant:
            unit = 1 << (16 - self.significant)
            self.is_shifted = self.is_shifted and not (levels % unit).any()

    @property
    def white(self) -> float:
        """The level that is white."""
        highest = self.highest
        if self.is_real:
            return 1.0 if highest <= _ONE_AND_A_BIT else max(highest, 255.0)
        if highest > FULL:
            return highest
        if self.is_replicated:
            return FULL
        if self.significant and (self.is_shifted or highest < 1 << self.significant):
            return FULL if self.is_shifted else (1 << self.significant) - 1
        return next((1 << bits) - 1 for bits in _DEPTHS if highest < 1 << bits)


def white_of(levels: NDArray[Any], form: DeepForm) -> float:
    """Return the level of white of a picture on its own; see `read_levels`."""
    if form.white:
        return form.white
    found = LevelRange(form.is_real)
    found.add(levels, form)
    return found.white


@dataclass
class SequenceLevels:
    """The level of white of a sequence's deep pictures, found when it is first asked for.

    All pictures are read for it, up to the first one that decides.
    """

    name: str
    """What warnings call the sequence."""
    pictures: Callable[[], Iterable[Stored]]
    """Gives the pictures' files from the first one on."""
    _white: dict[bool, float] = field(default_factory=dict)

    @classmethod
    def of_files(cls, files: Sequence[Path]) -> SequenceLevels:
        """Take the sequence of these files; those that cannot be read are passed over."""
        name = files[0] if len(files) == 1 else files[0].parent if files else ""
        return cls(str(name), lambda: _readable(files))

    def white(self, form: DeepForm) -> float:
        """Return the level that is white in a picture of this form."""
        if form.white:
            return form.white
        if form.is_real not in self._white:
            self._white[form.is_real] = self._find(form.is_real)
        return self._white[form.is_real]

    def _find(self, is_real: bool) -> float:
        range_ = LevelRange(is_real)
        for levels, form in _deep_pictures(self.pictures(), is_real):
            range_.add(levels, form)
            if range_.is_decided:
                break
        white = range_.white
        if not is_real and white < FULL:
            warnings.warn(
                f"{self.name}: 16-bit pictures whose levels end at {range_.highest:,.0f} are read "
                f"as {int(white).bit_length()} bits",
                stacklevel=2,
            )
        return white


def _readable(files: Iterable[Path]) -> Iterator[bytes]:
    """Yield the files' bytes; those that cannot be read are refused in their turn."""
    for path in files:
        with suppress(OSError):
            yield path.read_bytes()


def _deep_pictures(
    pictures: Iterable[Stored], is_real: bool
) -> Iterator[tuple[NDArray[Any], DeepForm]]:
    """Yield the levels of the deep pictures; those that cannot be decoded are left out."""
    for data in pictures:
        form = deep_form(data)
        if form is None or form.is_real != is_real or form.white:
            continue
        levels = read_levels(data, form)
        if levels is not None:
            yield levels, form
