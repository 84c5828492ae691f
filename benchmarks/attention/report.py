"""What a run of the attention's segmentation writes and prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.reporting.benchmark_run import BenchmarkRun
from benchmarks.reporting.published_figures import ATTENTION


def report(run: BenchmarkRun, results: Mapping[str, Any], source: str) -> None:
    """Write the results of `summary`, and print them; `source` names the dataset and the set."""
    row = (f"{run.backbone_name}, this run", (100 * results["jaccard"],))
    table = run.finish(results, [row], ATTENTION, f"{results['pictures']} pictures of {source}")
    for group, value in results["by_group"].items():
        print(f"{group}: {100 * value:.1f}")
    print(
        f"mean {100 * results['jaccard']:.2f}; one head for all (head "
        f"{results['single_head']}): {100 * results['single_head_jaccard']:.2f}"
    )
    print(f"\n{table}", end="")
