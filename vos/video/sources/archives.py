"""A zip file of pictures as a source: they are read where they are, and nothing is unpacked.

Letters: H W pixels.
"""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from vos.errors import InputError
from vos.files import FRAME_SUFFIXES, natural_key, shortened
from vos.pictures.levels import SequenceLevels
from vos.video.images import decode_image, is_image, refuse_same_names

_MOST_BYTES = 1 << 29  # of one picture
_FINDER = "__MACOSX"  # where Macs put what is no picture
_NESTED = {".zip", ".tar", ".tgz", ".gz", ".7z", ".rar"}
_ENCRYPTED = 1  # the bit of a member's flags
_READ_ERRORS = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, RuntimeError, ValueError,
)  # fmt: skip


class PictureArchive:
    """The pictures of a zip file in natural order; hidden files and folders are left out.

    Close it after use.

    Attributes:
        names: of the pictures, without folder and ending.

    Raises:
        InputError: it is damaged, encrypted or holds no picture; it holds archives; two pictures
            have one name, or one is too large.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise InputError(f"{path}: a damaged or cut off zip file ({error})") from None
        try:
            listed = [m for m in self._file.infolist() if _is_plain(m)]
            self._members = [member for member in listed if is_image(_place(member).name)]
            self._refuse_unusable(listed)
            self._members.sort(key=lambda member: natural_key(str(_place(member))))
            refuse_same_names(path / _place(member) for member in self._members)
        except InputError:
            self.close()
            raise
        self.names = tuple(_place(member).stem for member in self._members)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def levels(self) -> SequenceLevels:
        """Return the levels of the sequence of all pictures, as `read` takes them."""

        def stored() -> Iterator[bytes]:
            # A second opening: levels may be asked for when this one is closed.
            with closing(PictureArchive(self._path)) as archive:
                for number in range(len(archive.names)):
                    with suppress(InputError):  # it is refused in its turn
                        yield archive._stored(number)

        return SequenceLevels(str(self._path), stored)

    def read(self, number: int, levels: SequenceLevels | None = None) -> NDArray[np.uint8]:
        """Read a picture as RGB (H, W, 3).

        Raises:
            InputError: it is damaged.
        """
        return decode_image(self._stored(number), self._called(number), levels)

    def _stored(self, number: int) -> bytes:
        member = self._members[number]
        try:
            with self._file.open(member) as file:
                return file.read(member.file_size)
        except _READ_ERRORS as error:
            raise InputError(f"{self._called(number)}: cannot be read ({error})") from None

    def _called(self, number: int) -> str:
        return f"{self._path}, {self._members[number].filename}"

    def _refuse_unusable(self, listed: list[zipfile.ZipInfo]) -> None:
        nested = [m.filename for m in listed if _place(m).suffix.lower() in _NESTED]
        if nested:
            raise InputError(
                f"{self._path}: holds archives ({shortened(nested, 3)}); unpack it, and give one "
                "archive or folder of pictures"
            )
        if not self._members:
            endings = ", ".join(sorted(FRAME_SUFFIXES))
            others = Counter(_place(member).suffix.lower() or "no ending" for member in listed)
            counts = ", ".join(f"{count:,} {suffix}" for suffix, count in others.most_common(5))
            held = f"; it holds {counts}" if counts else "; it is empty"
            raise InputError(
                f"{self._path}: no pictures found in the zip file{held}; expected files ending in "
                f"{endings}"
            )
        for member in self._members:
            if member.flag_bits & _ENCRYPTED:
                raise InputError(f"{self._path}: {member.filename} is encrypted; unpack the file")
            if member.file_size > _MOST_BYTES:
                raise InputError(
                    f"{self._path}: {member.filename} has {member.file_size:,} bytes; a picture "
                    f"may have {_MOST_BYTES:,}"
                )


def _place(member: zipfile.ZipInfo) -> PurePosixPath:
    """Return a member's name as a path; some programs write backslashes."""
    return PurePosixPath(member.filename.replace("\\", "/"))


def _is_plain(member: zipfile.ZipInfo) -> bool:
    """Say whether a member is a file that is not hidden."""
    if not member.filename or member.is_dir():
        return False
    parts = _place(member).parts
    return not any(part == _FINDER or (part[0] == "." and part != "..") for part in parts)
