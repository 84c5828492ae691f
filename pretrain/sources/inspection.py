"""Reading all data once: what is there, what is broken, what it looks like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pretrain.sources.decode import BrokenImageError, decode, read_header
from pretrain.sources.mixture import Mixture
from pretrain.sources.previews import center_crop
from vos.files import write_json, write_png
from vos.runtime.progress import Advance
from vos.visualization.sheets import tile_sheet

REPORT = "data.json"
SHEET = "contact_sheet.png"
_COLUMNS, _ROWS, _TILE = 12, 8, 96
_CHUNK = 64


@dataclass
class DataReport:
    """What reading every sample found."""

    samples: int = 0
    broken: dict[str, str] = field(default_factory=dict)
    """Name and reason."""
    smaller_than_crop: int = 0
    """Samples whose short side is below that of a global crop; they are enlarged."""
    formats: Counter[str] = field(default_factory=Counter)
    modes: Counter[str] = field(default_factory=Counter)
    turned: int = 0
    """Images that EXIF rotates or mirrors."""
    short_sides: list[int] = field(default_factory=list)
    """Pixels."""

    def lines(self) -> list[str]:
        """Return the report as sentences."""
        sentences = [f"{self.samples} samples read, {len(self.broken)} broken"]
        if self.short_sides:
            low, middle, high = np.percentile(self.short_sides, (0, 50, 100)).astype(int)
            sentences.append(
                f"short sides from {low} to {high} pixels, half of them up to {middle}"
            )
        sentences += [
            f"formats: {', '.join(f'{k} {v}' for k, v in self.formats.most_common())}",
            f"colour modes: {', '.join(f'{k} {v}' for k, v in self.modes.most_common())}",
            f"{self.turned} turned by EXIF",
            f"{self.smaller_than_crop} smaller than a global crop",
        ]
        return sentences

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        values = dict(vars(self))
        sides = values.pop("short_sides")
        values["short_side_percentiles"] = (
            {str(p): int(np.percentile(sides, p)) for p in (0, 5, 25, 50, 75, 95, 100)}
            if sides
            else {}
        )
        return values


def check_data(
    mixture: Mixture, crop_size: int, advance: Advance, threads: int = 8
) -> tuple[DataReport, np.ndarray]:
    """Decode every sample once.

    Returns:
        The report, and a contact sheet of samples spread over the data, (H, W, 3) uint8 RGB.
    """
    report = DataReport()
    places = np.linspace(0, len(mixture) - 1, min(_COLUMNS * _ROWS, len(mixture)))
    on_sheet = set(places.round().astype(int).tolist())
    tiles: list[np.ndarray] = []
    with ThreadPoolExecutor(threads) as pool:
        for index, outcome in _in_order(pool, mixture):
            report.samples += 1
            if isinstance(outcome, str):
                report.broken[mixture.name(index)] = outcome
            else:
                _count(report, outcome, crop_size)
                if index in on_sheet:
                    tiles.append(center_crop(outcome[0], _TILE))
            advance(note=f"{len(report.broken)} broken")
    return report, tile_sheet(tiles, columns=_COLUMNS, side=_TILE)


_Outcome = tuple[np.ndarray, str, str, int]


def _in_order(pool: ThreadPoolExecutor, mixture: Mixture) -> Iterator[tuple[int, _Outcome | str]]:
    """Decode a chunk at a time, so that only so many pictures are held."""
    for start in range(0, len(mixture), _CHUNK):
        indexes = range(start, min(start + _CHUNK, len(mixture)))
        data = [_read(mixture, index) for index in indexes]
        yield from zip(indexes, pool.map(_decode, data), strict=True)


def _read(mixture: Mixture, index: int) -> bytes | np.ndarray | str:
    source, inner = mixture.locate(index)
    try:
        return source.read(inner, np.random.default_rng(index))
    except BrokenImageError as error:
        return str(error)


def _decode(data: bytes | np.ndarray | str) -> _Outcome | str:
    if isinstance(data, str):
        return data
    if isinstance(data, np.ndarray):
        return data, "video frame", "RGB", 1
    try:
        header = read_header(data)
        return decode(data, header)[0], header.format, header.mode, header.turn
    except BrokenImageError as error:
        return str(error)


def _count(report: DataReport, outcome: _Outcome, crop_size: int) -> None:
    image, form, mode, turn = outcome
    side = min(image.shape[:2])
    report.short_sides.append(side)
    report.formats[form] += 1
    report.modes[mode] += 1
    report.turned += turn != 1
    report.smaller_than_crop += side < crop_size


def write_report(folder: Path, report: DataReport, sheet: np.ndarray) -> None:
    """Write `data.json` and `contact_sheet.png`."""
    write_json(folder / REPORT, report.as_json())
    write_png(folder / SHEET, sheet)
