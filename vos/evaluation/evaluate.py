"""Score a folder of predicted masks against a ground truth: J, F and J&F of DAVIS.

J. Pont-Tuset et al., DAVIS 2017 (arXiv 1704.00675), section 4. The figures are those of the
official evaluation. Where that one cannot go, this one does:

- sequences of more than 256 frames have the right decay (its positions are 8 bit);
- ids need not be consecutive: an object is an id that the first mask has, and no other number;
- an object that the predictions never show counts as empty; a predicted id that is no object is
  an error that names sequence, frame and id, or background if asked for;
- outside DAVIS, objects may appear later: they count from the frame after their first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from vos.datasets.dataset import Dataset
from vos.datasets.loading import load_dataset
from vos.errors import InputError
from vos.evaluation.predictions import Predictions, missing_message, prediction_folders
from vos.evaluation.rules import ScoringRules
from vos.evaluation.scores import Evaluation, SequenceScore
from vos.evaluation.workers import score_all, worker_count

OnProgress = Callable[[int, int], None]
"""Called with (frames done, frames in all) after each sequence."""


def evaluate(
    predictions: str | Path,
    ground_truth: str | Path | Dataset,
    *,
    subset: str = "val",
    rules: ScoringRules | None = None,
    year: int = 2017,
    resolution: str = "480p",
    sequences: Iterable[str] = (),
    processes: int | None = None,
    on_progress: OnProgress | None = None,
) -> Evaluation:
    """Score predicted masks: indexed PNGs, a folder for each sequence, named as the truth's.

    Args:
        predictions: folder of sequence folders; of PNGs if the truth is one sequence. The masks
            may lie in a folder `masks`, of the whole (a run of `vos segment` or `vos-bench davis`)
            or of each sequence.
        ground_truth: a dataset's folder, a folder of sequence folders, or an opened dataset
            (then `subset`, `year`, `resolution` and `sequences` play no part).
        subset: the set of a benchmark.
        rules: the task and what is done about masks that do not fit; None is semi-supervised
            with nothing let pass.
        year: 2016 makes all objects of a DAVIS sequence one.
        resolution: of DAVIS.
        sequences: the sequences to score; empty scores all.
        processes: worker processes; None is one for each core.
        on_progress: called after each sequence.

    Raises:
        InputError: a folder, masks or frames are missing or cannot be used; all missing frames
            are listed before anything is scored.
    """
    rules = rules or ScoringRules()
    dataset = ground_truth
    if not isinstance(dataset, Dataset):
        dataset = load_dataset(
            dataset,
            subset,
            task=rules.task,
            year=year,
            resolution=resolution,
            sequences=sequences,
            images=False,
        )
    folders = _folders(Path(predictions), dataset, rules)
    jobs = [(s, folders[s.name], rules) for s in dataset.sequences]
    total = sum(len(rules.scored_frames(s)) for s in dataset.sequences)
    scores: dict[str, SequenceScore] = {}
    done = 0
    for score in score_all(jobs, worker_count(processes, len(jobs))):
        scores[score.name] = score
        done += len(rules.scored_frames(next(s for s in dataset.sequences if s.name == score.name)))
        if on_progress:
            on_progress(done, total)
    ordered = tuple(scores[s.name] for s in dataset.sequences)
    if not any(score.objects for score in ordered):
        raise InputError(f"{dataset.root}: no object has a frame that counts")
    return Evaluation(dataset.name, dataset.subset, replace(rules), ordered)


def withheld_message(dataset: Dataset) -> str:
    """Say that there is nothing to score a set by."""
    return (
        f"{dataset.root}: the truth of {dataset.name}, set {dataset.subset}, is withheld: each "
        "annotated mask is a prompt. Its server scores masks; `vos-bench davis --submission "
        "FILE.zip` packs them for it."
    )


def _folders(predictions: Path, dataset: Dataset, rules: ScoringRules) -> dict[str, Path]:
    """Find the folder of each sequence's predictions; list all missing frames at once."""
    if rules.skips_ends and dataset.withheld:
        raise InputError(withheld_message(dataset))
    folders = prediction_folders(predictions, [s.name for s in dataset.sequences])
    opened = [(s, Predictions(folders[s.name], s, rules)) for s in dataset.sequences]
    missing = [(s.name, files.missing) for s, files in opened if files.missing]
    misnamed = [f"{s.name}: {text}" for s, files in opened if (text := files.misnamed())]
    if misnamed:
        listed = "".join(f"\n  - {text}" for text in misnamed[:20])
        raise InputError(
            f"{predictions}: the masks are not named as the truth's, so they would be scored on "
            f"other frames or on none:{listed}\nRename them as the truth's."
        )
    counted = sum(len(rules.scored_frames(s)) for s in dataset.sequences)
    if sum(len(frames) for _, frames in missing) == counted:
        entries = sorted(p.name for p in predictions.iterdir())[:10]
        raise InputError(
            f"{predictions}: not one predicted mask of {dataset.name} here. Expected a folder for "
            f"each sequence ({', '.join(list(folders)[:3])}, ...) with PNGs named as the truth's; "
            f"there is {', '.join(entries) or 'nothing'}."
        )
    if missing and rules.missing == "error":
        raise InputError(missing_message(missing, predictions))
    return folders
