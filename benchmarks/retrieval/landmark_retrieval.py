"""`vos-bench retrieval`: revisited Oxford and Paris (Caron et al. 2021, Table 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import tyro
from torch import Tensor
from torch.nn import functional as F

from benchmarks.features.descriptors import FeatureKind
from benchmarks.features.options import FeatureOptions
from benchmarks.features.transforms import view_for
from benchmarks.reporting.benchmark_run import Row, benchmark_run, shown_name
from benchmarks.reporting.published_figures import RETRIEVAL
from benchmarks.retrieval.landmark_sets import Landmarks, open_landmarks
from benchmarks.retrieval.rankings import RetrievalScore, rank_database, score_rankings
from vos.errors import InputError
from vos.runtime.devices import resolve_device
from vos.runtime.distributed import team

PUBLISHED_SETS = ("roxford5k", "rparis6k")
_PROTOCOLS = ("medium", "hard")


@dataclass(frozen=True)
class Retrieval:
    """Find the images of a landmark (Table 3): mAP and mP@1, 5, 10, Medium and Hard.

    Images are ranked by the cosine of their features: the class token, of the image with its
    longer side brought down to --size.
    """

    root: Path
    """Folder of <dataset>/gnd_<dataset>.pkl (or .json) and <dataset>/jpg."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder to write run.json, results.json and table.md to."""
    datasets: tuple[str, ...] = PUBLISHED_SETS
    """Datasets, each a folder in the root."""
    size: int = 224
    """Pixels of the longer side at most. Published for Google Landmarks weights: 224 on Oxford, 512
    on Paris."""
    multi_scale: bool = False
    """Mean of the features at three sizes: 1, 0.71 and 0.5 of the image's. Published for Google
    Landmarks weights: on Paris."""
    crop_queries: bool = False
    """Cut the asked object out of the queries; the published figures are of whole images."""
    kind: FeatureKind = "class"
    """Which features; class is the published setting."""
    extraction: FeatureOptions = field(default_factory=FeatureOptions)

    def run(self) -> int:
        """Extract features, rank, and write the scores."""
        if not self.datasets:
            raise InputError("no dataset was given; expected roxford5k, rparis6k or a folder")
        with team() as processes:
            device = resolve_device(processes.device(self.extraction.backbone.device))
            settings = asdict(self)
            with benchmark_run("retrieval", self.out, settings, device, processes) as run:
                opened = [
                    open_landmarks(self.root, name, crop_queries=self.crop_queries)
                    for name in self.datasets
                ]
                backbone = self.extraction.load(processes)
                settings["weights"] = backbone.describe()
                view = view_for(backbone, "inside", self.size)
                extraction = self.extraction.extractor(
                    backbone, view, self.kind, self.out, processes, multi_scale=self.multi_scale
                )
                scores = {}
                for landmarks in opened:
                    database = extraction(landmarks.database, f"{landmarks.name} database")
                    queries = extraction(landmarks.queries, f"{landmarks.name} queries")
                    if processes.leads:
                        scores[landmarks.name] = evaluate_landmarks(database, queries, landmarks)
                if processes.leads:
                    rows = table_rows(scores, f"{shown_name(settings['weights'])}, this run")
                    data = ", ".join(
                        f"{o.name}, {len(o.queries)} queries in {len(o.database)} images"
                        for o in opened
                    )
                    table = run.finish(as_results(scores, opened), rows, RETRIEVAL, data)
                    report(scores, table)
        return 0


def evaluate_landmarks(
    database: Tensor, queries: Tensor, landmarks: Landmarks
) -> dict[str, RetrievalScore]:
    """Rank the database (N, D) for each query (Q, D) and score both protocols."""
    similarity = F.normalize(database, dim=1) @ F.normalize(queries, dim=1).T
    ranking = rank_database(similarity.numpy())
    return {
        protocol: score_rankings(ranking, landmarks.truths, protocol) for protocol in _PROTOCOLS
    }


def table_rows(scores: Mapping[str, Mapping[str, RetrievalScore]], name: str) -> list[Row]:
    """Return mAP in percent: a row in the published columns, and one for each other set."""
    figures = [
        100 * scores[dataset][protocol].mean_ap if dataset in scores else None
        for dataset in PUBLISHED_SETS
        for protocol in _PROTOCOLS
    ]
    rows: list[Row] = [(name, figures)] if any(f is not None for f in figures) else []
    for dataset, by_protocol in scores.items():
        if dataset not in PUBLISHED_SETS:
            medium, hard = (100 * by_protocol[protocol].mean_ap for protocol in _PROTOCOLS)
            told = f"{name}, {dataset}: M {medium:.1f}, H {hard:.1f}"
            rows.append((told, [None] * len(figures)))
    return rows


def as_results(
    scores: Mapping[str, Mapping[str, RetrievalScore]], opened: list[Landmarks]
) -> dict[str, Any]:
    """Return all scores ready for JSON, from 0 to 1."""
    return {
        landmarks.name: {
            "database": len(landmarks.database),
            "queries": len(landmarks.queries),
            **{p: asdict(score) for p, score in scores[landmarks.name].items()},
        }
        for landmarks in opened
    }


def report(scores: Mapping[str, Mapping[str, RetrievalScore]], table: str) -> None:
    """Print the scores and the table."""
    for name, by_protocol in scores.items():
        for protocol, score in by_protocol.items():
            at = "  ".join(f"mP@{k} {100 * p:.2f}" for k, p in score.precision_at.items())
            print(f"{name} {protocol}: mAP {100 * score.mean_ap:.2f}  {at}")
    print(f"\n{table}", end="")
