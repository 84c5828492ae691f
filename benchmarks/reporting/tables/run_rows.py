"""The figures of finished runs, by benchmark, with the published ones and intervals beside."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.reporting.bootstrap import paired_interval
from benchmarks.reporting.published_figures import DAVIS
from benchmarks.reporting.run_files import RESULTS, RUN
from vos.errors import InputError

_DAVIS_METRICS = ("J&F-Mean", "J-Mean", "F-Mean")
_DAVIS_VAL = (30, 61)
"""Sequences and objects of DAVIS 2017 val."""
_OTHER_DATA = ("do not compare", "the published figures are of")
"""What a run on a part of the data says of it."""
_ROUNDING = 0.01


@dataclass(frozen=True)
class Figure:
    """One figure in percent (of speeds, images/s), with its 95 % interval where there is one."""

    value: float
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class RunRow:
    """One row of one run, or of a published table."""

    name: str
    origin: str
    """The run's folder; empty of a published row."""
    weights: str
    """What tells two backbones of one name apart."""
    figures: tuple[Figure | None, ...]


@dataclass(frozen=True)
class Group:
    """The columns of one benchmark on one set of data, and their rows."""

    label: str
    """The published table or figure, or the benchmark's own name."""
    data: str
    columns: tuple[str, ...]
    rows: tuple[RunRow, ...]
    published: tuple[RunRow, ...]
    """Empty where the runs are on other data."""
    lower_is_better: bool = False


def read_groups(folders: Sequence[Path], *, published: bool) -> list[Group]:
    """Read runs, those of one benchmark and data in one group, in the order of the folders.

    Args:
        folders: finished runs of any verbs of `vos-bench` that leave figures.
        published: whether published rows are wanted.

    Raises:
        InputError: a folder holds no finished run with figures, or is given twice.
    """
    groups: dict[tuple[str, str, tuple[str, ...]], Group] = {}
    for number, folder in enumerate(folders):
        if folder.resolve() in {other.resolve() for other in folders[:number]}:
            raise InputError(f"{folder} is given twice")
        group = _read(folder, published=published)
        key = (group.label, group.data, group.columns)
        known = groups.get(key)
        rows = group.rows if known is None else known.rows + group.rows
        groups[key] = replace(group, rows=rows)
    return list(groups.values())


def _read(folder: Path, *, published: bool) -> Group:
    results, settings = _objects(folder)
    state = results.get("state")
    if state != "complete":
        raise InputError(
            f"{folder}: the run's state is {state!r}, so it has no figures; run it to its end, or "
            "leave it out"
        )
    try:
        if "rows" in results:
            return _of_rows(folder, results, settings, published=published)
        return _of_davis(folder, results, settings, published=published)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{folder}: {RESULTS} is not that of a benchmark's run ({error!r})"
        ) from None


def _objects(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the results and the settings of a run."""
    try:
        results = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
        settings = json.loads((folder / RUN).read_text(encoding="utf-8"))["settings"]
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(
            f"{folder}: no finished run of vos-bench ({RUN} and {RESULTS}); run it, or give "
            "another folder"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder}: cannot be read as a run ({error!r})") from None
    return results, settings


def _of_rows(
    folder: Path, results: Mapping[str, Any], settings: Mapping[str, Any], *, published: bool
) -> Group:
    table = results["published"]
    columns = tuple(table["columns"])
    weights = settings.get("weights")
    backbone = weights if isinstance(weights, dict) else settings.get("backbone", {})
    rows = tuple(
        RunRow(
            row["name"],
            str(folder),
            _identity(backbone),
            tuple(
                None if value is None else Figure(value, _interval(results, column, value))
                for column, value in zip(columns, row["figures"], strict=True)
            ),
        )
        for row in results["rows"]
    )
    data = results["data"]
    compares = published and not any(text in data for text in _OTHER_DATA)
    listed = _published(table["rows"]) if compares else ()
    lower = bool(table.get("lower_is_better", False))
    return Group(f"{table['label']}: {table['title']}", data, columns, rows, listed, lower)


def _of_davis(
    folder: Path, results: Mapping[str, Any], settings: Mapping[str, Any], *, published: bool
) -> Group:
    backbone = settings["backbone"]
    name = str(backbone["name"])
    if backbone.get("source") == "untrained":
        name += ", untrained"
    values = [100 * results["global"][metric] for metric in _DAVIS_METRICS]
    figures = tuple(
        Figure(value, _interval(results, metric, value))
        for metric, value in zip(_DAVIS_METRICS, values, strict=True)
    )
    objects = sum(len(sequence["objects"]) for sequence in results["sequences"])
    counts = (len(results["sequences"]), objects)
    resolution = settings["dataset"]["resolution"]
    where = (results["dataset"], results["set"], resolution)
    is_published = where == ("DAVIS 2017", "val", "480p") and counts == _DAVIS_VAL
    label = f"{DAVIS.label}: {DAVIS.title}" if is_published else str(results["dataset"])
    data = f"{' '.join(map(str, where))}, {counts[0]} sequences, {counts[1]} objects"
    row = RunRow(name, str(folder), _identity(backbone), figures)
    listed = _published(DAVIS.rows) if published and is_published else ()
    return Group(label, data, DAVIS.columns, (row,), listed)


def _published(rows: Sequence[Any]) -> tuple[RunRow, ...]:
    return tuple(
        RunRow(name, "", "", tuple(None if value is None else Figure(value) for value in figures))
        for name, figures in rows
    )


def _identity(backbone: Any) -> str:
    """Return what tells two backbones of one name apart."""
    about = backbone if isinstance(backbone, dict) else {}
    file = about.get("sha256") or about.get("source")  # the file itself may have moved
    return str((file, about.get("precision")))


def _interval(results: Mapping[str, Any], metric: str, figure: float) -> tuple[float, float] | None:
    """Bootstrap a figure that is the mean over objects, in percent; None where it is another."""
    try:
        groups = [
            [100 * float(score[metric]) for score in sequence["objects"]]
            for sequence in results.get("sequences", [])
        ]
    except (KeyError, TypeError, ValueError):  # it has no such figure of each object
        return None
    values = [value for group in groups for value in group]
    if not values or not all(groups) or abs(float(np.mean(values)) - figure) > _ROUNDING:
        return None
    return paired_interval(groups)
