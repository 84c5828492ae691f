"""Many videos with one loaded model: a list read from CSV, shared out, with failures collected."""

from __future__ import annotations

import csv
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from vos.errors import InputError
from vos.segmentation.options import parse_masks

COLUMNS = ("video", "mask", "output")
_MASK_SEPARATOR = ";"


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
    """Read a list of videos: CSV with the columns video, mask and output.

    Several masks of one video are separated by semicolons, each as `vos segment --mask` takes it.

    Raises:
        InputError: no such file; other columns; an empty field; no rows; an output named twice.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the list {path} cannot be read: {error}") from None
    rows = csv.DictReader(text.splitlines())
    if tuple(rows.fieldnames or ()) != COLUMNS:
        columns = ", ".join(rows.fieldnames or ()) or "none"
        raise InputError(
            f"{path} has the columns {columns}; expected a first line {','.join(COLUMNS)}"
        )
    items = [_item(row, f"{path}, line {rows.line_num}") for row in rows]
    if not items:
        raise InputError(f"{path} lists no videos")
    folders = [item.out for item in items]
    duplicates = sorted({str(out) for out in folders if folders.count(out) > 1})
    if duplicates:
        raise InputError(f"{path} names an output twice: {', '.join(duplicates)}")
    return items


def _item(row: dict[str, str], where: str) -> BatchItem:
    empty = [name for name in COLUMNS if not (row.get(name) or "").strip()]
    if empty or None in row:
        problem = f"no {', '.join(empty)}" if empty else "more than three fields"
        raise InputError(f"{where}: {problem}; expected {','.join(COLUMNS)}")
    masks = [mask.strip() for mask in row["mask"].split(_MASK_SEPARATOR) if mask.strip()]
    return BatchItem(row["video"].strip(), parse_masks(masks), Path(row["output"].strip()))


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
