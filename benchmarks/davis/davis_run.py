"""A run on DAVIS: the masks of all sequences, their scores, and the report."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.davis.report import write_report
from benchmarks.davis.run_folder import (
    NOT_SCORED,
    REPORT,
    RESULTS,
    RunFolder,
    settings_of,
    speed,
)
from benchmarks.features.options import backbone_for_team
from benchmarks.reporting.advice import SCORING_OPTIONS, options_explained
from benchmarks.reporting.run_state import RunState, mixed_origins
from benchmarks.reporting.shared_work import run_recorded, share_out
from vos.backbones.backbone import Backbone
from vos.backbones.loading import BackboneSource
from vos.datasets.dataset import Dataset
from vos.evaluation.evaluate import evaluate
from vos.evaluation.ranking import rank_objects
from vos.evaluation.reports import as_json, score_lines, write_reports
from vos.evaluation.scores import Evaluation
from vos.evaluation.submission import pack_submission
from vos.files import write_json
from vos.propagation.config import PropagationConfig
from vos.runtime.distributed import Team
from vos.runtime.progress import CountProgress


def run_davis(
    dataset: Dataset,
    backbone: BackboneSource,
    out: Path,
    processes: Team,
    *,
    resolution: str,
    config: PropagationConfig,
    overwrite: bool,
    scoring_processes: int | None,
    submission: Path | None = None,
) -> int:
    """Make the masks, score them and write the report; return 1 if a sequence failed.

    A set whose truth is withheld is not scored. `submission` is a zip file to pack the masks into.

    Raises:
        InputError: the folder cannot be made, or holds a run with other settings.
    """
    network = backbone_for_team(backbone, processes)
    settings = settings_of(dataset, resolution, network, config)
    folder = RunFolder(out)
    processes.from_leader(lambda: folder.prepare(settings, overwrite=overwrite))
    record = RunState(folder.out, settings, processes, network.device)

    def finish() -> None:
        if dataset.withheld:
            _finish_unscored(dataset, folder, record, submission)
        else:
            _report(dataset, folder, record, scoring_processes)
        if submission is not None:
            packed = pack_submission(submission, dataset, folder.masks)
            print(f"submission: {submission} ({packed} masks)")

    return run_recorded(
        record,
        processes,
        lambda: propagate_all(dataset, folder, network, config, processes),
        finish,
    )


def _report(
    dataset: Dataset, folder: RunFolder, record: RunState, scoring_processes: int | None
) -> None:
    evaluation = score(dataset, folder, scoring_processes)
    results = write_results(evaluation, folder, dataset)
    record.state = "complete"
    record.write()
    report = folder.out / REPORT
    write_report(report, evaluation, dataset, folder.masks, run=record.as_json(), results=results)
    print("\n".join(score_lines(evaluation)))
    _print_ranking(results["confidence"])
    _print_speed(results["speed"])
    for what in results["made_with_different"]:
        print(f"note: the sequences were made with different {what}; see sequences/*.json")
    print(f"report: {report}")


def _finish_unscored(
    dataset: Dataset, folder: RunFolder, record: RunState, submission: Path | None
) -> None:
    """Close a run on a set whose truth is withheld: there are masks, no scores and no report."""
    figures = speed(folder.records(dataset))
    write_json(folder.out / RESULTS, {"state": NOT_SCORED, "speed": figures})
    record.state = "complete"
    record.write()
    _print_speed(figures)
    print(
        f"masks: {folder.masks}. The truth of {dataset.name}, set {dataset.subset}, is withheld, "
        "so nothing is scored here"
        + ("." if submission else "; --submission FILE.zip packs the masks for its server.")
    )


def propagate_all(
    dataset: Dataset,
    folder: RunFolder,
    backbone: Backbone,
    config: PropagationConfig,
    processes: Team | None = None,
) -> dict[str, str]:
    """Make the masks of all sequences that are not whole yet, the longest first.

    A sequence that fails does not end the others.

    Returns:
        The failed sequences with the reason, the same in all processes.
    """
    processes = processes or Team()
    missing = processes.from_leader(
        lambda: {s.name: len(s.frame_names) for s in dataset.sequences if not folder.is_whole(s)}
    )
    sequences = {sequence.name: sequence for sequence in dataset.sequences}
    return share_out(
        missing,
        lambda name, on_frame: folder.propagate(sequences[name], backbone, config, on_frame),
        processes,
        "segment",
    )


def score(dataset: Dataset, folder: RunFolder, processes: int | None) -> Evaluation:
    """Score the masks of a run by DAVIS's semi-supervised protocol."""
    with ExitStack() as stack:
        shown = CountProgress(stack, "scoring")
        stack.enter_context(options_explained(SCORING_OPTIONS))
        return evaluate(folder.masks, dataset, processes=processes, on_progress=shown)


def write_results(evaluation: Evaluation, folder: RunFolder, dataset: Dataset) -> dict[str, Any]:
    """Write the scores: the official CSV files, per-frame.csv and results.json."""
    write_reports(evaluation, folder.out)
    records = folder.records(dataset)
    confidence = folder.confidence(dataset)
    results = {
        "state": "complete",
        **as_json(evaluation),
        "confidence": asdict(rank_objects(evaluation.objects, confidence)) if confidence else None,
        "speed": speed(records),
        "made_with_different": mixed_origins(records),
    }
    write_json(folder.out / RESULTS, results)
    return results


def _print_ranking(figures: dict[str, Any] | None) -> None:
    """Say how well the masks' confidence tells good frames from poor ones."""
    if figures is None or figures["rank_correlation"] is None:
        return
    text = f"confidence: rank correlation with J {figures['rank_correlation']:.2f}"
    if figures["within_objects"] is not None:
        text += f" ({figures['within_objects']:.2f} within an object)"
    if figures["poor_frames"]:
        text += (
            f"; of {figures['poor_frames']} frames with J below .5, {figures['poor_caught']:.0%} "
            f"are among the least sure tenth (at best {figures['poor_catchable']:.0%})"
        )
    print(text)


def _print_speed(figures: dict[str, Any]) -> None:
    rates = figures["frames_per_second"]
    if not figures["frames"]:
        return
    by_stage = ", ".join(f"{name} {rate:.2f}" for name, rate in rates.items() if rate)
    print(f"frames/s (decode and writing run beside the rest): {by_stage}")
