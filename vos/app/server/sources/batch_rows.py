"""The rows of a batch as sources, the least sure first."""

from __future__ import annotations

import csv
import math
from pathlib import Path

from vos.app.server.sources.source import SourceSpec
from vos.segmentation.batch import read_batch
from vos.segmentation.run_folder import CONFIDENCE, MASKS, RUN


def batch_sources(path: Path, *, max_size: int | None = None) -> list[SourceSpec]:
    """Return what `vos segment --batch` made of a list, to check and correct it.

    Sorted by the lowest confidence in a run's confidence.csv; then runs without that file; then
    rows without masks, which start with none.

    Raises:
        InputError: the list cannot be read.
    """
    ranked = []
    for number, item in enumerate(read_batch(path)):
        is_run = (item.out / RUN).is_file() and any((item.out / MASKS).glob("*.png"))
        least = _least_confidence(item.out / CONFIDENCE) if is_run else None
        spec = SourceSpec(
            item.video,
            item.out.name if is_run else Path(item.video).name,
            run=item.out if is_run else None,
            least_sure=least,
            max_size=max_size,
            is_given=True,
        )
        ranked.append((not is_run, math.inf if least is None else least, number, spec))
    return [spec for *_, spec in sorted(ranked, key=lambda row: row[:3])]


def _least_confidence(path: Path) -> float | None:
    """Return the lowest confidence of any object in any frame, None where there is none."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            values = [float(row["confidence"]) for row in csv.DictReader(file)]
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        return None
    return min((value for value in values if math.isfinite(value)), default=None)
