"""How well the originals of copies are found, by block of copies.

Shapes: N images of the database, D width.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from benchmarks.reporting.benchmark_run import BenchmarkRun
from benchmarks.reporting.published_figures import COPY_DETECTION
from benchmarks.retrieval.copydays import STRONG, Copydays, block_map


def score_copies(
    database: Tensor,
    queries: list[Tensor],
    copydays: Copydays,
    places: int,
    whitening: Callable[[Tensor], Tensor] | None,
) -> dict[str, float]:
    """Return the mAP of each block of copies, from 0 to 1.

    Args:
        database: (N, D) descriptors, the originals first.
        queries: (copies, D) descriptors of each block.
        copydays: the blocks.
        places: length of the list that is looked at.
        whitening: applied to all descriptors; None leaves them.
    """
    prepared = [values if whitening is None else whitening(values) for values in queries]
    candidates = F.normalize(database if whitening is None else whitening(database), dim=1)
    scores = {}
    for block, values in zip(copydays.blocks, prepared, strict=True):
        similarity = F.normalize(values, dim=1) @ candidates.T
        nearest = similarity.topk(min(places, len(candidates)), dim=1).indices
        scores[block.name] = block_map(nearest.numpy(), block.positives)
    return scores


def report(run: BenchmarkRun, results: dict[str, Any], name: str) -> None:
    """Write the results, and print the scores and the table."""
    scores = results["map"]
    strong = 100 * scores[STRONG] if STRONG in scores else None
    copies = sum(results["copies"].values())
    data = (
        f"{copies} copies in a database of {results['database']} images, "
        f"{results['whitening_images']} images for whitening"
    )
    table = run.finish(results, [(name, (strong,))], COPY_DETECTION, data)
    for block, score in scores.items():
        print(f"{block}: mAP {100 * score:.2f}")
    print(f"\n{table}", end="")
