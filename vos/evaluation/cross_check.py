"""Score with davis2017-evaluation as well, where it is installed, and compare.

The official code of J. Pont-Tuset et al., DAVIS 2017 (arXiv 1704.00675); the extra `davis`
installs it. It is used here, never needed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vos.datasets.dataset import Dataset
from vos.errors import InputError
from vos.evaluation.rules import ScoringRules
from vos.evaluation.scores import Evaluation

TOLERANCE = 1e-6
"""The largest difference between the two scorers that is let pass."""


_PROTOCOL = (
    "--cross-check takes the protocol as it is: no --first-last, no frames counted as empty, no "
    "ignored ids. Leave these options out."
)


def check_possible(scored: Dataset | Evaluation, rules: ScoringRules) -> None:
    """See before anything is scored that the official code is there and takes what is asked for.

    Args:
        scored: the truth, or our scores on it.
        rules: what our scores go by.

    Raises:
        InputError: davis2017-evaluation is not installed, or cannot do this.
    """
    title = scored.dataset if isinstance(scored, Evaluation) else scored.name
    if not title.startswith("DAVIS") or title == "DAVIS 2016":
        raise InputError(
            "--cross-check compares scores on DAVIS 2017 with those of davis2017-evaluation; this "
            f"is {title}"
        )
    if rules.first_last:
        raise InputError(_PROTOCOL)
    _official_scorer()


def cross_check(evaluation: Evaluation, predictions: str | Path, davis: str | Path) -> list[str]:
    """Score the same masks with the official code; return the differences in words.

    Args:
        evaluation: our scores of `predictions` on DAVIS 2017 at 480p.
        predictions: the folder of predicted masks.
        davis: the DAVIS folder.

    Raises:
        InputError: davis2017-evaluation is not installed, cannot do what was scored, or ended
            without a result.
    """
    check_possible(evaluation, evaluation.rules)
    if any(s.missing or s.ignored for s in evaluation.sequences):
        raise InputError(_PROTOCOL)
    theirs = _official(evaluation, Path(predictions), Path(davis))
    differences = []
    for metric, key in (("J", "j"), ("F", "f")):
        for statistic, column in (("mean", "M"), ("recall", "R"), ("decay", "D")):
            expected = theirs[metric][column]
            if len(expected) != len(evaluation.objects):
                return [f"{len(evaluation.objects)} objects here, {len(expected)} there"]
            for score, their in zip(evaluation.objects, expected, strict=True):
                our = getattr(getattr(score, key), statistic)
                if not abs(our - their) <= TOLERANCE:
                    differences.append(
                        f"{score.name}: {metric} {statistic} {our:.9f}, there {their:.9f}"
                    )
    return differences


def _official_scorer() -> Any:
    """Import the official code; return its class."""
    try:
        from davis2017.evaluation import DAVISEvaluation
    except ImportError as error:
        raise InputError(
            "--cross-check needs davis2017-evaluation, which is not installed: "
            "pip install 'vos-toolkit[davis]'"
        ) from error
    return DAVISEvaluation


def _official(evaluation: Evaluation, predictions: Path, davis: Path) -> dict[str, Any]:
    """Run the official code on the same sequences; its lists are in the order of the objects."""
    scorer_type = _official_scorer()
    try:
        scorer = scorer_type(
            davis_root=str(davis),
            task=evaluation.rules.task,
            gt_set=evaluation.subset,
            sequences=[s.name for s in evaluation.sequences],
            codalab=True,
        )
        results: dict[str, Any] = scorer.evaluate(str(predictions))
    except SystemExit as stop:
        raise InputError("davis2017-evaluation refused the masks and ended") from stop
    return results
