"""Tables of a run as CSV files: a row for each object of each frame."""

from __future__ import annotations

import csv
import io
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TextIO

from vos.errors import InputError
from vos.files import atomic_path
from vos.masks.ids import object_ids
from vos.propagation.confidence import DIGITS, ObjectConfidence
from vos.segmentation.measurements import Measurement, measure
from vos.segmentation.options import OutputOptions
from vos.segmentation.sinks.result import Result

_CONFIDENCE_COLUMNS = ("frame", "name", "object", "confidence", "absent")
_OTHER_BYTES = "backslashreplace"  # names of files need not be text

Row = Sequence[str]


class FrameTable:
    """Rows by frame in a CSV file that grows with the run.

    The file is there after every frame, up to that frame. Rows of a stopped run are read when the
    table is opened, and stay where their frame is passed by again. Rows are in the order of frames
    in the end, whatever order they were written in.

    Args:
        path: the file.
        columns: names of the columns; the first holds the frame's index.

    Raises:
        InputError: an earlier run's file has other columns, or is no table.
    """

    def __init__(self, path: Path, columns: Row) -> None:
        self.path = path
        self._columns = list(columns)
        self._earlier = self._read() if path.is_file() else None
        self._kept: list[int] = []
        self._in_order = True
        self._latest = -1
        self._handle: TextIO | None = None

    def earlier(self, frame: int) -> list[list[str]]:
        """Return the rows that the stopped run wrote for a frame."""
        return (self._earlier or {}).get(frame, [])

    def keep(self, frame: int) -> None:
        """Keep the stopped run's rows of a frame.

        Raises:
            OSError: the file cannot be written.
        """
        if self._handle is None:  # the file is left whole until a frame is computed
            self._kept.append(frame)
        else:
            self.write(frame, self.earlier(frame))

    def write(self, frame: int, rows: Iterable[Row]) -> None:
        """Add the rows of a frame, and see that they are on disk.

        Raises:
            OSError: the file cannot be written.
        """
        handle = self._handle or self._start()
        self._add(handle, frame, rows)
        handle.flush()
        os.fsync(handle.fileno())

    def close(self) -> None:
        """Close the file; rows that were written out of order are sorted.

        Raises:
            OSError: the file cannot be written.
        """
        if self._handle is None and self._earlier is None:
            self._start()
        if self._handle is not None:
            self._handle.close()
            self._handle = None
        if not self._in_order:
            rows = self._read()
            self._write_whole((frame, rows[frame]) for frame in sorted(rows))

    def _start(self) -> TextIO:
        """Write the header and the rows kept, and leave the file open for more."""
        self._write_whole((frame, self.earlier(frame)) for frame in self._kept)
        self._handle = self.path.open("a", encoding="utf-8", errors=_OTHER_BYTES, newline="")
        for frame in self._kept:
            self._note(frame)
        return self._handle

    def _add(self, handle: TextIO, frame: int, rows: Iterable[Row]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        handle.write(text.getvalue())
        self._note(frame)

    def _note(self, frame: int) -> None:
        """Take note of a frame that is written, to see whether all come in order."""
        self._in_order &= frame > self._latest
        self._latest = frame

    def _write_whole(self, frames: Iterable[tuple[int, list[list[str]]]]) -> None:
        with (
            atomic_path(self.path) as beside,
            beside.open("w", encoding="utf-8", errors=_OTHER_BYTES, newline="") as handle,
        ):
            writer = csv.writer(handle, lineterminator="\n")
            writer.writerow(self._columns)
            for _, rows in frames:
                writer.writerows(rows)

    def _read(self) -> dict[int, list[list[str]]]:
        """Read the rows of each frame; of a frame and object written twice, the latter."""
        by_frame: dict[int, dict[str, list[str]]] = {}
        place = self._columns.index("object")
        try:
            with self.path.open(encoding="utf-8", newline="") as handle:
                rows = csv.reader(handle)
                header = next(rows, [])
                if header != self._columns:
                    raise InputError(
                        f"{self.path} has the columns {','.join(header)}; expected "
                        f"{','.join(self._columns)}. Start again with --overwrite"
                    )
                for row in rows:
                    if len(row) == len(self._columns) and row[0].isdecimal():  # not cut short
                        by_frame.setdefault(int(row[0]), {})[row[place]] = row
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise InputError(
                f"{self.path} cannot be read ({error}); start again with --overwrite"
            ) from None
        return {frame: list(rows.values()) for frame, rows in by_frame.items()}


class _RowsOfResults(ABC):
    """A sink that turns results into rows of a table; what was computed earlier is kept."""

    def __init__(self, path: Path, columns: Row) -> None:
        self.table = FrameTable(path, columns)

    def write(self, result: Result) -> None:
        """Write a frame's rows, or keep those of the stopped run.

        Raises:
            InputError: the stopped run's table lacks the frame.
            OSError: the file cannot be written.
        """
        frame = result.frame.index
        if not result.replayed:
            self.table.write(frame, self.rows(result))
            return
        if not self.table.earlier(frame) and object_ids(result.ids):
            raise InputError(
                f"{self.table.path} has no rows of frame {frame}, which the stopped run computed; "
                "start again with --overwrite"
            )
        self.table.keep(frame)

    @abstractmethod
    def rows(self, result: Result) -> list[Row]:
        """Return a frame's rows."""


class ConfidenceTable(_RowsOfResults):
    """How sure each object's mask is, in every frame."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, _CONFIDENCE_COLUMNS)

    def rows(self, result: Result) -> list[Row]:
        """Return a row for each object."""
        frame = result.frame
        return [
            [str(frame.index), frame.name, str(object_id), _share(c), str(int(c.absent))]
            for object_id, c in sorted(result.confidence.items())
        ]

    def earlier(self, frame: int) -> dict[int, ObjectConfidence]:
        """Return the confidence of a frame that the stopped run computed."""
        return {
            int(object_id): ObjectConfidence(float(confidence), absent == "1")
            for _, _, object_id, confidence, absent in self.table.earlier(frame)
        }


class MeasurementTable(_RowsOfResults):
    """Area, place and border of each object, in every frame.

    Args:
        path: the file.
        options: the unit of length, and the frame rate where the source's is not to be used.
        fps: the source's mean frame rate, for frames without a time; None where it has none.
    """

    def __init__(self, path: Path, options: OutputOptions, fps: Fraction | None) -> None:
        self._pixel_size = options.pixel_size or 1.0
        self._true_fps = options.measure_fps
        self._fps = fps
        super().__init__(path, measurement_columns(options.length_unit))

    def rows(self, result: Result) -> list[Row]:
        """Return a row for each object that is followed, with or without pixels."""
        frame = result.frame
        start = [str(frame.index), frame.name, self._seconds(frame.index, frame.time)]
        measured = measure(result.ids, result.objects, pixel_size=self._pixel_size)
        return [
            [*start, str(object_id), *_numbers(m), _share(result.confidence.get(object_id))]
            for object_id, m in measured.items()
        ]

    def _seconds(self, index: int, time: float | None) -> str:
        if self._true_fps is not None:
            return f"{index / self._true_fps:.6f}"
        if time is None and self._fps:
            time = float(index / self._fps)
        return "" if time is None else f"{time:.6f}"


def measurement_columns(unit: str) -> tuple[str, ...]:
    """Return the columns of `measurements.csv`; lengths and areas name their unit."""
    area = "area_px" if unit == "px" else f"area_{unit}2"
    lengths = ("centroid_x", "centroid_y", "box_left", "box_top", "box_width", "box_height")
    named = [f"{name}_{unit}" for name in (*lengths, "perimeter")]
    return ("frame", "name", "time_s", "object", area, *named, "confidence")


def _numbers(m: Measurement) -> list[str]:
    """Return area, centroid, box and perimeter as text; empty where there is none."""
    if m.centroid is None or m.box is None or m.perimeter is None:
        return [_number(m.area), *[""] * 7]
    return [_number(value) for value in (m.area, *m.centroid, *m.box, m.perimeter)]


def _number(value: float) -> str:
    return f"{value:.10g}"


def _share(confidence: ObjectConfidence | None) -> str:
    return "" if confidence is None else f"{confidence.confidence:.{DIGITS}f}"
