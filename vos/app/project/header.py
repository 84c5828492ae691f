"""`project.json`: what a project is of, which does not change."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from vos.errors import InputError
from vos.files import write_json

HEADER = "project.json"
FORMAT = "vos-project"
VERSION = 1
_LARGEST = 1 << 20
_LONGEST_TEXT = 32_768
_LONGEST_SIDE = 1 << 20


@dataclass(frozen=True)
class SourceRecord:
    """The source of a project, as text: whether it may be opened is for others to decide."""

    path: str
    kind: str
    """Kind of a frame reader's source: video, folder, glob, ..."""
    name: str
    size: tuple[int, int]
    """(H, W) of its frames as they are read, after `max_size`."""
    count: int | None = None
    """Number of frames, None where it is not known."""
    fps: Fraction | None = None


@dataclass(frozen=True)
class ProjectHeader:
    """What a project is of, and what computes its masks."""

    source: SourceRecord
    max_size: int | None = None
    """Frames are shrunk to this many pixels on the longer side."""
    backbone: Mapping[str, Any] = field(default_factory=dict)
    """Options of the backbone: plain values of JSON."""

    def write(self, folder: Path) -> None:
        """Write it into the project's folder.

        Raises:
            OSError: it cannot be written.
        """
        source = asdict(self.source)
        source["size"] = list(self.source.size)
        source["fps"] = None if self.source.fps is None else str(self.source.fps)
        values = {"source": source, "max_size": self.max_size, "backbone": dict(self.backbone)}
        write_json(folder / HEADER, {"format": FORMAT, "version": VERSION, **values})

    @classmethod
    def read(cls, folder: Path) -> ProjectHeader:
        """Read it from a project's folder.

        Raises:
            InputError: the folder is no project, or one of a newer version, or damaged.
        """
        path = folder / HEADER
        if not path.is_file():
            raise InputError(f"{folder} is no project: it has no {HEADER}")
        try:
            if path.stat().st_size > _LARGEST:
                raise InputError(f"{path} is too large for a project's header")
            values = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{path} cannot be read ({error})") from None
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            raise InputError(f"{path} is not the header of a project of vos app")
        version = values.get("version")
        if version != VERSION:
            raise InputError(
                f"{path} is of version {str(version)[:20]} of the format, and this program reads "
                f"version {VERSION}; open it with the newer vos that wrote it"
            )
        try:
            return cls._of(values)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path} is damaged ({error!r:.200})") from None

    @classmethod
    def _of(cls, values: Mapping[str, Any]) -> ProjectHeader:
        source, backbone = values["source"], values.get("backbone", {})
        if not isinstance(source, dict) or not isinstance(backbone, dict):
            raise TypeError("source and backbone are groups of values")
        height, width = source["size"]
        fps = source.get("fps")
        record = SourceRecord(
            path=_text(source["path"]),
            kind=_text(source["kind"]),
            name=_text(source["name"]),
            size=(_whole(height, _LONGEST_SIDE), _whole(width, _LONGEST_SIDE)),
            count=None if source.get("count") is None else _whole(source["count"], 1 << 40),
            fps=None if fps is None else _rate(fps),
        )
        largest = values.get("max_size")
        return cls(record, None if largest is None else _whole(largest, _LONGEST_SIDE), backbone)


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT or "\0" in value:
        raise ValueError("expected a text")
    return value


def _whole(value: object, most: int) -> int:
    if type(value) is not int or not 1 <= value <= most:
        raise ValueError(f"expected a whole number from 1 to {most}")
    return value


def _rate(value: object) -> Fraction:
    text = _text(value)
    if not re.fullmatch(r"[1-9][0-9]{0,9}(/[1-9][0-9]{0,9})?", text):  # no exponents, for one
        raise ValueError("expected frames per second, such as 25 or 30000/1001")
    return Fraction(text)
