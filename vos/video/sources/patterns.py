"""Patterns of file names: wildcards, and the place of a number as in `img_%05d.png`.

A part of a pattern that is there by just that name is taken literally, so that brackets in a
folder's name are no set of letters.
"""

from __future__ import annotations

import glob
import re
from pathlib import Path

_WILDCARDS = frozenset("*?[")
_NUMBERED = re.compile(r"%(?:0(\d+))?d")  # a number's place in a name


def is_pattern(source: str) -> bool:
    """Say whether a name that is no file's has wildcards, or a number's place in its last part."""
    return bool(_WILDCARDS.intersection(source) or _NUMBERED.search(Path(source).name))


def matches(pattern: str) -> list[Path]:
    """List what a pattern matches, in no order; `**` stands for folders at any depth."""
    path = Path(pattern)
    paths = [Path(path.anchor)]
    for part in path.parts[bool(path.anchor) :]:
        paths = list(dict.fromkeys(match for base in paths for match in _within(base, part)))
    return paths


def _within(base: Path, part: str) -> list[Path]:
    """List what matches one part of a pattern in a folder."""
    if part != "**" and (base / part).exists():
        return [base / part]
    if not base.is_dir():
        return []
    if _NUMBERED.search(part):
        name = _numbered(part)
        return [path for path in base.iterdir() if name.fullmatch(path.name)]
    if not _WILDCARDS.intersection(part):
        return []
    names = glob.glob(part, root_dir=base, recursive=True)  # noqa: PTH207 - pathlib: hidden ones
    return [base, *map(base.joinpath, names)] if part == "**" else [base / name for name in names]


def _numbered(part: str) -> re.Pattern[str]:
    """Return the expression of a name with a number's place, its other letters literal."""
    expression, place = "", 0
    for number in _NUMBERED.finditer(part):
        expression += re.escape(part[place : number.start()])
        expression += rf"\d{{{int(number[1] or 1)},}}"
        place = number.end()
    return re.compile(expression + re.escape(part[place:]))
