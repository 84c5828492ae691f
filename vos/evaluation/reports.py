"""Write the scores of an evaluation: the two official CSV files, per frame, and JSON.

The columns and the three decimals of the official CSV files are those of the evaluation of
DAVIS 2017 (J. Pont-Tuset et al., arXiv 1704.00675).
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vos._version import __version__
from vos.errors import InputError
from vos.evaluation.j_and_f import Statistics
from vos.evaluation.scores import Evaluation, ObjectScore, SequenceScore
from vos.files import atomic_path, write_json

GLOBAL_COLUMNS = ("J&F-Mean", "J-Mean", "J-Recall", "J-Decay", "F-Mean", "F-Recall", "F-Decay")
SEQUENCE_COLUMNS = ("Sequence", "J-Mean", "F-Mean")
FRAME_COLUMNS = ("Sequence", "Object", "Frame", "J", "F")


def check_folder(folder: Path) -> None:
    """See that a folder of reports can be made and written to, without making it.

    Raises:
        InputError: it is a file, or cannot be made or written to.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"the output {folder} is a file; give a folder for the reports (--out)")
    nearest = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        problem = "no permission to write to" if nearest.is_dir() else "a file is in the way:"
        raise InputError(
            f"the output folder {folder} cannot be made or written to ({problem} {nearest}); give "
            "another (--out)"
        )


def write_reports(evaluation: Evaluation, folder: str | Path) -> tuple[Path, ...]:
    """Write all reports into a folder, which is made; files of an earlier run are replaced.

    Returns the files: `global_results-<set>.csv`, `per-sequence_results-<set>.csv`,
    `per-frame.csv`, `results.json`.
    """
    folder = Path(folder)
    overall = folder / f"global_results-{evaluation.subset}.csv"
    each = folder / f"per-sequence_results-{evaluation.subset}.csv"
    frames, full = folder / "per-frame.csv", folder / "results.json"
    _write_csv(overall, GLOBAL_COLUMNS, [[_three(v) for v in global_row(evaluation)]])
    rows = ([o.name, _three(o.j.mean), _three(o.f.mean)] for o in evaluation.objects)
    _write_csv(each, SEQUENCE_COLUMNS, rows)
    _write_csv(frames, FRAME_COLUMNS, _frame_rows(evaluation))
    write_json(full, as_json(evaluation))
    return overall, each, frames, full


def global_row(evaluation: Evaluation) -> tuple[float, ...]:
    """Return the figures over all objects in the order of `GLOBAL_COLUMNS`."""
    j, f = evaluation.j, evaluation.f
    return (evaluation.jf_mean, j.mean, j.recall, j.decay, f.mean, f.recall, f.decay)


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return all scores, unrounded, and the rules they were made by, ready for JSON."""
    return {
        "version": __version__,
        "dataset": evaluation.dataset,
        "set": evaluation.subset,
        "rules": {**asdict(evaluation.rules), "skips_ends": evaluation.rules.skips_ends},
        "global": dict(zip(GLOBAL_COLUMNS, global_row(evaluation), strict=True)),
        "sequences": [_sequence_json(s) for s in evaluation.sequences],
    }


def score_lines(evaluation: Evaluation) -> list[str]:
    """Return the scores of each object and over all, and what was passed over, as lines to read."""
    width = max(len("Sequence"), *(len(o.name) for o in evaluation.objects))
    lines = [f"{'Sequence':<{width}}   J&F      J      F"]
    lines += [
        f"{o.name:<{width}}  {o.jf_mean:.3f}  {o.j.mean:.3f}  {o.f.mean:.3f}"
        for o in evaluation.objects
    ]
    figures = zip(GLOBAL_COLUMNS, global_row(evaluation), strict=True)
    lines += ["", "  ".join(GLOBAL_COLUMNS)]
    lines.append("  ".join(f"{value:>{len(column)}.3f}" for column, value in figures))
    for s in evaluation.sequences:
        if s.missing:
            lines.append(f"note: {s.name}: {len(s.missing)} missing frames counted as empty")
        if s.ignored:
            lines.append(f"note: {s.name}: predicted ids {list(s.ignored)} taken as background")
        lines += [f"note: {s.name}: {text}" for text in s.white]
        if s.unscored:
            lines.append(f"note: {s.name}: objects {list(s.unscored)} have no frame that counts")
    return lines


def summary_lines(scored: Sequence[tuple[str, Evaluation]]) -> list[str]:
    """Return the figures of several predictions as a table to read, one row each.

    Args:
        scored: name and scores of each, of the same truth.
    """
    width = max(len("Predictions"), *(len(name) for name, _ in scored))
    lines = [f"{'Predictions':<{width}}  " + "  ".join(GLOBAL_COLUMNS)]
    for name, evaluation in scored:
        figures = zip(GLOBAL_COLUMNS, global_row(evaluation), strict=True)
        cells = "  ".join(f"{value:>{len(column)}.3f}" for column, value in figures)
        lines.append(f"{name:<{width}}  {cells}")
    return lines


def write_summary(scored: Sequence[tuple[str, Evaluation]], folder: str | Path) -> Path:
    """Write the figures of several predictions, one row each; return the file, `scores.csv`."""
    path = Path(folder) / "scores.csv"
    rows = ([name, *map(_three, global_row(evaluation))] for name, evaluation in scored)
    _write_csv(path, ("Predictions", *GLOBAL_COLUMNS), rows)
    return path


def _sequence_json(score: SequenceScore) -> dict[str, Any]:
    means = {"J&F-Mean": score.jf_mean, "J-Mean": score.j_mean, "F-Mean": score.f_mean}
    return {
        "name": score.name,
        **(means if score.objects else {}),
        "objects": [_object_json(o) for o in score.objects],
        "frames_counted_as_empty": list(score.missing),
        "ids_ignored": list(score.ignored),
        "objects_without_a_frame": list(score.unscored),
    }


def _object_json(score: ObjectScore) -> dict[str, Any]:
    return {
        "name": score.name,
        "id": score.object_id,
        "proposal": score.proposal,
        "frames": len(score.frames),
        "J&F-Mean": score.jf_mean,
        **_named("J", score.j),
        **_named("F", score.f),
    }


def _named(metric: str, values: Statistics) -> dict[str, float]:
    return {
        f"{metric}-Mean": values.mean,
        f"{metric}-Recall": values.recall,
        f"{metric}-Decay": values.decay,
    }


def _frame_rows(evaluation: Evaluation) -> Iterable[list[object]]:
    for o in evaluation.objects:
        for frame, j, f in zip(o.frames, o.j_frames.tolist(), o.f_frames.tolist(), strict=True):
            yield [o.sequence, o.object_id, frame, j, f]


def _three(value: float) -> str:
    return f"{value:.3f}"


def _write_csv(path: Path, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    with atomic_path(path) as beside, beside.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
