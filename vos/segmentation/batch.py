"""Many videos with one loaded model: a list read from CSV, shared out, with failures collected."""

from __future__ import annotations

import codecs
import csv
import io
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from vos.errors import InputError
from vos.files import shortened
from vos.segmentation.options import parse_masks

COLUMNS = ("video", "mask", "output")
_MASK_SEPARATOR = ";"
_SEPARATORS = (",", ";", "\t")


@dataclass(frozen=True)
class BatchItem:
    """One video of a list."""

    video: str
    masks: dict[int | str | None, Path]
    """By frame index or name; None is the first frame."""
    out: Path


@dataclass(frozen=True)
class Failure:
    """A video of a list that was not finished, and why."""

    video: str
    reason: str


def read_batch(path: str | Path) -> list[BatchItem]:
    """Read a list of videos: CSV with the columns video, mask and output, in UTF-8 or UTF-16.

    Fields are separated by commas, semicolons or tabs. Several masks of one video are separated by
    semicolons, each as `vos segment --mask` takes it; between semicolons, put them in quotes.

    Raises:
        InputError: no such file; other columns; an empty field; no rows; an output named twice.
    """
    path = Path(path)
    try:
        rows = _rows(_text(path))
    except csv.Error as error:
        raise InputError(f"the list {path} cannot be read: {error}") from None
    columns = tuple(rows.pop(0)[1]) if rows else ()
    if tuple(name.strip().lower() for name in columns) != COLUMNS:
        raise InputError(
            f"{path} has the columns {shortened(columns) or 'none'}; expected a first line "
            f"{','.join(COLUMNS)}"
        )
    items = [_item(fields, f"{path}, line {line}") for line, fields in rows]
    if not items:
        raise InputError(f"{path} lists no videos")
    folders = [item.out for item in items]
    duplicates = sorted({str(out) for out in folders if folders.count(out) > 1})
    if duplicates:
        raise InputError(f"{path} names an output twice: {', '.join(duplicates)}")
    return items


def _text(path: Path) -> str:
    """Read a text file: UTF-16 where its first bytes say so, as spreadsheets write it, else UTF-8.

    Raises:
        InputError: it cannot be read, or is no such text.
    """
    try:
        data = path.read_bytes()
        wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        return data.decode("utf-16" if wide else "utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"the list {path} cannot be read: {error}; save it as CSV in UTF-8"
        ) from None


def _rows(text: str) -> list[tuple[int, list[str]]]:
    """Return the fields of every line that is not empty, with the line's number.

    What separates the fields is what stands in the first line; spreadsheets write semicolons
    where the comma is the decimal sign.

    Raises:
        csv.Error: a field is too long to be one.
    """
    first = next(filter(str.strip, text.splitlines()), "")
    separator = next((mark for mark in _SEPARATORS if mark in first), _SEPARATORS[0])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    return [(reader.line_num, fields) for fields in reader if fields]


def _item(fields: list[str], where: str) -> BatchItem:
    row = dict(zip(COLUMNS, map(str.strip, fields), strict=False))
    empty = [name for name in COLUMNS if not row.get(name)]
    if empty or len(fields) > len(COLUMNS):
        problem = f"no {', '.join(empty)}" if empty else "more than three fields"
        raise InputError(f"{where}: {problem}; expected {','.join(COLUMNS)}")
    masks = [mask.strip() for mask in row["mask"].split(_MASK_SEPARATOR) if mask.strip()]
    return BatchItem(row["video"], parse_masks(masks), Path(row["output"]))


def run_batch(
    items: list[BatchItem], numbers: Iterable[int], segment: Callable[[BatchItem], object]
) -> list[Failure]:
    """Segment the items of the given numbers; a failed one does not stop the others.

    Args:
        items: the whole list.
        numbers: which of them are this process's.
        segment: does one.

    Returns:
        What was not finished, in order.
    """
    failures = []
    for number in numbers:
        item = items[number]
        try:
            segment(item)
        except (InputError, OSError) as error:
            failures.append(Failure(item.video, str(error) or type(error).__name__))
        except Exception as error:  # whatever it is, the others go on, and it is said at the end
            traceback.print_exc()
            failures.append(Failure(item.video, f"{type(error).__name__}: {error}"))
    return failures
