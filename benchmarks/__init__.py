"""The paper's tables and figures, each by one command, or by one function.

    import benchmarks

    results = benchmarks.run_davis("dino_vits8", "DAVIS", "runs/davis", short_side=480)
    results.to_dict()

Functions are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.cli.calls import (
        run_attention_segmentation,
        run_badja,
        run_clicks,
        run_copy_detection,
        run_davis,
        run_finetune,
        run_jhmdb,
        run_knn,
        run_linear,
        run_retrieval,
        run_rounds,
        run_tap_vid,
        run_vip,
    )
    from benchmarks.reporting.tables.results import BenchmarkResults

__all__ = [
    "BenchmarkResults",
    "run_attention_segmentation",
    "run_badja",
    "run_clicks",
    "run_copy_detection",
    "run_davis",
    "run_finetune",
    "run_jhmdb",
    "run_knn",
    "run_linear",
    "run_retrieval",
    "run_rounds",
    "run_tap_vid",
    "run_vip",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'benchmarks' has no attribute {name!r}")
    home = "cli.calls" if name.startswith("run_") else "reporting.tables.results"
    return getattr(import_module(f"benchmarks.{home}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
