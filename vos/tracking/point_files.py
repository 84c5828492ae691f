"""Points in, tracks out: CSV files."""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from vos.errors import InputError
from vos.files import atomic_path

COLUMNS = ("frame", "point", "x", "y", "visible", "confidence")
"""Of the file of tracks."""
_DELIMITERS = ",;\t"


@dataclass(frozen=True)
class PointQuery:
    """A point to follow."""

    frame: int | str | None
    """Index of its frame in the source, or the frame's name; None is the first frame taken."""
    x: float
    y: float
    name: str


@dataclass(frozen=True)
class TrackRow:
    """A point in a frame, as the file of tracks has it."""

    frame: int
    point: str
    x: float
    """NaN where the point has no position; so is y."""
    y: float
    visible: bool
    confidence: float

    def cells(self) -> list[str]:
        """Return the row's texts."""
        place = ["", ""] if math.isnan(self.x) else [f"{self.x:.3f}", f"{self.y:.3f}"]
        return [
            str(self.frame),
            self.point,
            *place,
            str(int(self.visible)),
            f"{self.confidence:.4f}",
        ]


def read_points(path: str | Path) -> list[PointQuery]:
    """Read points to follow from a CSV file.

    A heading names the columns: `x` and `y`, and perhaps `frame` and `point` (the name). Without a
    heading the columns are x and y, or frame, x and y. Commas, semicolons or tabs part them. A
    frame is its index in the source, or the name of its picture; a number with leading zeros is a
    name.

    Raises:
        InputError: no such file, no points in it, or a row that is none; it says which.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as a CSV file of points: {error}") from None
    rows = list(_rows(text))
    if not rows:
        raise InputError(f"{path}: holds no points; expected rows of frame, x and y")
    names = [cell.lower() for cell in rows[0][1]]
    if any(_number(cell) is None for cell in rows[0][1][-2:]):
        columns = _columns(names, path)
        rows = rows[1:]
    else:
        columns = _unnamed_columns(len(names), path)
    if not rows:
        raise InputError(f"{path}: holds a heading, but no points")
    points = [
        _query(cells, columns, f"{path}, line {line}", number)
        for number, (line, cells) in enumerate(rows, start=1)
    ]
    refuse_same_names(points, f"{path}: ")
    return points


def refuse_same_names(points: Sequence[PointQuery], where: str = "") -> None:
    """Refuse points whose tracks could not be told apart.

    Raises:
        InputError: several have one name; `where` begins its text.
    """
    counts = Counter(point.name for point in points)
    twice = sorted(name for name, count in counts.items() if count > 1)
    if twice:
        raise InputError(
            f"{where}several points are named {', '.join(twice)}; give each a name of its own"
        )


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Give the rows that hold something, with the numbers of their lines."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    for cells in reader:
        stripped = [cell.strip() for cell in cells]
        if any(stripped):
            yield reader.line_num, stripped


def _columns(names: Sequence[str], path: str | Path) -> dict[str, int]:
    known = {name: names.index(name) for name in ("frame", "point", "x", "y") if name in names}
    if not {"x", "y"} <= known.keys():
        raise InputError(
            f"{path}: the heading is {', '.join(names)}; expected the columns x and y, and perhaps "
            "frame and point"
        )
    return known


def _unnamed_columns(count: int, path: str | Path) -> dict[str, int]:
    known = {2: ("x", "y"), 3: ("frame", "x", "y")}
    if count not in known:
        raise InputError(
            f"{path}: has {count} columns without a heading; expected x and y, or frame, x and y, "
            "or a heading with their names"
        )
    return {name: number for number, name in enumerate(known[count])}


def _query(cells: Sequence[str], columns: Mapping[str, int], where: str, number: int) -> PointQuery:
    if len(cells) <= max(columns.values()):
        raise InputError(f"{where}: has {len(cells)} columns, the first row has more")
    x, y = (_number(cells[columns[axis]]) for axis in ("x", "y"))
    if x is None or y is None:
        place = f"{cells[columns['x']]!r}, {cells[columns['y']]!r}"
        raise InputError(f"{where}: x and y are {place}; expected two numbers")
    frame = cells[columns["frame"]] if "frame" in columns else ""
    name = cells[columns["point"]] if "point" in columns else ""
    return PointQuery(_frame(frame), x, y, name or str(number))


def _frame(text: str) -> int | str | None:
    if not text:
        return None
    return int(text) if re.fullmatch(r"0|[1-9][0-9]*", text) else text


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def heading() -> str:
    """Return the first line of a file of tracks."""
    return _line(COLUMNS)


def lines_of(rows: Iterable[TrackRow]) -> str:
    """Return rows of tracks as lines."""
    return "".join(_line(row.cells()) for row in rows)


def _line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def read_tracks(path: str | Path) -> list[TrackRow]:
    """Read a file of tracks.

    Raises:
        InputError: no such file, or it is none; a last line that was cut off is left out.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as handle:
            rows = list(csv.reader(handle))
        if not rows or tuple(rows[0]) != COLUMNS:
            raise ValueError(f"the heading is not {','.join(COLUMNS)}")
        whole = [row for row in rows[1:] if len(row) == len(COLUMNS) and row[-1]]
        return [_track_row(row) for row in whole]
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as a file of tracks: {error}") from None


def _track_row(cells: Sequence[str]) -> TrackRow:
    frame, point, x, y, visible, confidence = cells
    place = (float(x), float(y)) if x else (math.nan, math.nan)
    return TrackRow(int(frame), point, *place, visible == "1", float(confidence))


class TrackFile:
    """The file of tracks; use it in a `with` block. Each frame's rows are on disk at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: IO[str] | None = None

    def begin(self, rows: Sequence[TrackRow]) -> None:
        """Write the file with the rows that are known, whole or not at all, and go on from there.

        Raises:
            OSError: it cannot be written.
        """
        with atomic_path(self._path) as beside:
            beside.write_text(heading() + lines_of(rows), encoding="utf-8")
        self._handle = self._path.open("a", encoding="utf-8", newline="")

    def add(self, rows: Sequence[TrackRow]) -> None:
        """Write the rows of a frame.

        Raises:
            OSError: they cannot be written.
        """
        assert self._handle is not None, "begin was not called"
        self._handle.write(lines_of(rows))
        self._handle.flush()

    def __enter__(self) -> TrackFile:
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle is not None:
            self._handle.close()


def check_inside(points: Sequence[PointQuery], height: int, width: int) -> None:
    """Refuse points that lie outside of a frame.

    Raises:
        InputError: one does.
    """
    for point in points:
        if not (-0.5 <= point.x <= width - 0.5 and -0.5 <= point.y <= height - 0.5):
            raise InputError(
                f"point {point.name} at ({point.x:g}, {point.y:g}) lies outside of the frame of "
                f"{width}x{height} pixels; expected x from 0 to {width - 1} and y from 0 to "
                f"{height - 1}"
            )
