"""The comparison of two runs: which objects differ, and how sure the mean difference is.

Runs of `vos-bench davis`, or two of another benchmark of videos, whose `results.json` names its
metrics; an object is a whole video there.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.davis.plots import difference_bars
from benchmarks.davis.run_folder import NOT_SCORED, RESULTS
from benchmarks.reporting import html
from benchmarks.reporting.bootstrap import paired_interval
from vos.errors import InputError
from vos.evaluation.reports import GLOBAL_COLUMNS
from vos.files import shortened
from vos.segmentation.run_folder import RUN

_METRICS = ("J&F-Mean", "J-Mean", "F-Mean")
_LEVEL = 0.95
_ROUNDING = 1e-4


Scores = Mapping[tuple[str, str], Mapping[str, Any]]
"""Figures of each object by (sequence, name)."""


@dataclass(frozen=True)
class Run:
    """What is compared of a run."""

    folder: Path
    settings: Mapping[str, Any]
    results: Mapping[str, Any]

    @property
    def metrics(self) -> tuple[str, ...]:
        """The figures of each object, the headline first."""
        return tuple(self.results.get("metrics", _METRICS))

    @property
    def columns(self) -> tuple[str, ...]:
        """The figures over all objects."""
        return tuple(self.results.get("metrics", GLOBAL_COLUMNS))

    @property
    def unit(self) -> str:
        """What an object is."""
        return "video" if "metrics" in self.results else "object"

    @property
    def objects(self) -> dict[tuple[str, str], Mapping[str, Any]]:
        """The scores of each object by (sequence, name)."""
        return {
            (sequence["name"], score["name"]): score
            for sequence in self.results["sequences"]
            for score in sequence["objects"]
        }

    @property
    def scored_as(self) -> dict[str, Any]:
        """What has to be the same in two runs that are compared."""
        keys = ("dataset", "set", "rules")
        return {
            **{key: self.results[key] for key in keys},
            "dataset settings": self.settings["dataset"],
        }


def read_run(folder: Path) -> Run:
    """Read a finished run.

    Raises:
        InputError: there is none, it is not complete, or its files cannot be read.
    """
    try:
        settings = json.loads((folder / RUN).read_text(encoding="utf-8"))["settings"]
        results = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
        state = results["state"]
    except FileNotFoundError as error:
        raise InputError(
            f"{folder}: no finished run of `vos-bench davis`, jhmdb, vip, badja or tap-vid "
            f"({Path(error.filename).name} is not there); run it, or give another folder"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder}: cannot be read as a run ({error!r})") from None
    if state == NOT_SCORED:
        raise InputError(f"{folder}: a run without scores, as the truth of its set is withheld")
    if state != "complete":
        raise InputError(
            f"{folder}: sequences failed in this run ({shortened(results.get('failed', {}))}); run "
            "it again"
        )
    if not {"sequences", "rules", "global"} <= results.keys():
        raise InputError(
            f"{folder}: a run without scores of single videos; compare takes runs of davis, jhmdb, "
            "vip, badja or tap-vid, and `vos-bench table` takes any"
        )
    return Run(folder, settings, results)


@dataclass(frozen=True)
class Comparison:
    """Two runs and their differences, second minus first."""

    first: Run
    second: Run
    differences: dict[str, dict[str, float]]
    """By metric, then by object; the objects from the largest gain of J&F to the largest loss."""
    intervals: dict[str, tuple[float, float] | None]
    """By metric, of the mean difference; None with a single sequence."""

    @property
    def settings(self) -> list[tuple[str, str, str]]:
        """The settings that differ: name, first, second."""
        flat = [
            {f"{part}.{k}": v for part, values in run.settings.items() for k, v in values.items()}
            for run in (self.first, self.second)
        ]
        names = sorted({*flat[0], *flat[1]})
        return [
            (name, str(flat[0].get(name)), str(flat[1].get(name)))
            for name in names
            if flat[0].get(name) != flat[1].get(name)
        ]

    def overall(self) -> list[tuple[str, float, float, str]]:
        """Return for each global figure: name, first, second, interval of the difference.

        The interval is of the mean over objects, and stands only beside a difference that is one:
        a mean over joints, or a confusion matrix of all videos, is something else.
        """
        rows = []
        for name in self.first.columns:
            values = [run.results["global"][name] for run in (self.first, self.second)]
            if None in values:  # there was nothing to score
                continue
            gains = list(self.differences.get(name, {}).values())
            mean = sum(gains) / len(gains) if gains else math.inf
            is_mean = abs(mean - (values[1] - values[0])) < _ROUNDING
            interval = self.intervals.get(name) if is_mean else None
            rows.append((name, values[0], values[1], interval_text(interval)))
        return rows

    @property
    def headline(self) -> str:
        """The figure that objects are compared by."""
        return self.first.metrics[0]

    @property
    def caption(self) -> str:
        """What is listed for each object."""
        return f"{self.headline.removesuffix('-Mean')} by {self.first.unit}"

    def lines(self) -> list[str]:
        """Return the comparison as text."""
        lines = [f"first:  {self.first.folder}", f"second: {self.second.folder}"]
        lines += [f"  {name}: {a} -> {b}" for name, a, b in self.settings]
        names = (*self.differences[self.headline], *self.first.columns)
        width = max(len(name) for name in names)
        lines += ["", f"{'':<{width}}   first  second  difference"]
        for name, a, b, interval in self.overall():
            lines.append(f"{name:<{width}}  {a:6.3f}  {b:6.3f}  {b - a:+.3f} {interval}")
        lines += ["", f"{self.caption:<{width}}   first  second  difference"]
        for name, (a, b) in self.pairs(self.headline).items():
            lines.append(f"{name:<{width}}  {a:6.3f}  {b:6.3f}  {b - a:+.3f}")
        return lines

    def pairs(self, metric: str) -> dict[str, tuple[float, float]]:
        """Return a metric of both runs by object, in the order of `differences`."""
        scores = [
            {name: o[metric] for (_, name), o in run.objects.items()}
            for run in (self.first, self.second)
        ]
        return {name: (scores[0][name], scores[1][name]) for name in self.differences[metric]}


def compare(first: Run, second: Run) -> Comparison:
    """Compare two runs of the same sequences.

    Raises:
        InputError: they are of other data, other objects or other rules.
    """
    if first.scored_as != second.scored_as:
        raise InputError(
            f"{first.folder} and {second.folder} are not of the same data or rules: "
            f"{first.scored_as} and {second.scored_as}"
        )
    a, b = first.objects, second.objects
    if a.keys() != b.keys():
        alone = sorted(name for _, name in a.keys() ^ b.keys())
        raise InputError(
            f"{first.folder} and {second.folder} have not the same objects; in one of them alone: "
            f"{shortened(alone)}. Run both on the same sequences"
        )
    headline = first.metrics[0]
    order = sorted(a, key=lambda key: _gain(b, a, key, headline) or 0.0)
    differences, intervals = {}, {}
    for metric in first.metrics:
        known = {key: _gain(a, b, key, metric) for key in order}
        gains = {key: gain for key, gain in known.items() if gain is not None}
        groups: dict[str, list[float]] = {}
        for (sequence, _), gain in gains.items():
            groups.setdefault(sequence, []).append(gain)
        differences[metric] = {name: gain for (_, name), gain in gains.items()}
        ordered = [groups[sequence] for sequence in sorted(groups)]
        intervals[metric] = paired_interval(ordered, level=_LEVEL)
    return Comparison(first, second, differences, intervals)


def _gain(a: Scores, b: Scores, key: tuple[str, str], metric: str) -> float | None:
    """Return b minus a of an object; None where one of them has nothing to score."""
    before, after = a[key][metric], b[key][metric]
    return None if before is None or after is None else float(after - before)


def interval_text(interval: tuple[float, float] | None) -> str:
    """Return an interval as text; empty where there is none."""
    return "" if interval is None else f"[{interval[0]:+.3f}, {interval[1]:+.3f}]"


def write_comparison(path: Path, comparison: Comparison) -> None:
    """Write a comparison as a page of one file."""
    percent = f"{100 * _LEVEL:.0f} %"
    overall = [
        (name, f"{a:.3f}", f"{b:.3f}", f"{b - a:+.3f}", interval)
        for name, a, b, interval in comparison.overall()
    ]
    pairs = comparison.pairs(comparison.headline)
    objects = [(name, f"{a:.3f}", f"{b:.3f}", f"{b - a:+.3f}") for name, (a, b) in pairs.items()]
    gains = comparison.differences[comparison.headline]
    short = comparison.headline.removesuffix("-Mean")
    explanation = (
        f"Differences are second minus first. The interval holds {percent} of the mean differences "
        "over sequences drawn with replacement (paired bootstrap); an interval that holds 0 says "
        "that these sequences do not tell the runs apart."
    )
    parts = [
        html.heading(
            f"{comparison.first.folder.name} and {comparison.second.folder.name}",
            f"first: {comparison.first.folder}, second: {comparison.second.folder}",
        ),
        html.section(
            f"Over all {comparison.first.unit}s",
            html.paragraph(explanation, "faint"),
            html.table(("", "first", "second", "difference", f"{percent} interval"), overall),
        ),
        html.section(
            "What differs in the settings",
            html.table(("", "first", "second"), comparison.settings)
            if comparison.settings
            else html.paragraph("Nothing."),
        ),
        html.section(
            f"By {comparison.first.unit}",
            html.plot(
                difference_bars(list(gains), list(gains.values())), f"differences of {short}"
            ),
            html.table((short, "first", "second", "difference"), objects),
        ),
    ]
    html.write_page(path, "Comparison of two runs", parts)
