"""`vos-bench retrieval`: revisited Oxford and Paris (Caron et al. 2021, Table 3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from benchmarks.features.choices import FeatureKind
from benchmarks.features.options import FeatureOptions
from benchmarks.reporting.published_figures import RETRIEVAL, RETRIEVAL_SETS
from vos.errors import InputError
from vos.runtime.progress import status


@dataclass(frozen=True)
class Retrieval:
    """Find the images of a landmark (Table 3): mAP and mP@1, 5, 10, Medium and Hard.

    Images are ranked by the cosine of their features: the class token, of the image with its
    longer side brought down to --size.

    Example: vos-bench retrieval --root revisited --backbone dino_vits16 -o runs/retrieval
    """

    root: Path
    """Folder of <dataset>/gnd_<dataset>.pkl (or .json) and <dataset>/jpg."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder to write run.json, results.json and table.md to."""
    datasets: tuple[str, ...] = RETRIEVAL_SETS
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
    extraction: Annotated[FeatureOptions, tyro.conf.arg(name="")] = field(
        default_factory=FeatureOptions
    )

    def run(self) -> int:
        """Extract features, rank, and write the scores."""
        if not self.datasets:
            raise InputError("no dataset was given; expected roxford5k, rparis6k or a folder")
        from benchmarks.features.transforms import transform_for
        from benchmarks.reporting.benchmark_run import team_run
        from benchmarks.retrieval import landmark_scores
        from benchmarks.retrieval.landmark_sets import open_landmarks

        with team_run("retrieval", self, self.out, self.extraction.backbone.device) as run:
            team, crop = run.team, self.crop_queries
            status(f"reading the lists of images of {', '.join(self.datasets)}")
            opened = [open_landmarks(self.root, name, crop_queries=crop) for name in self.datasets]
            backbone = self.extraction.load(team)
            run.weights = backbone.describe()
            transform = transform_for(backbone, "inside", self.size)
            extraction = self.extraction.extractor(
                backbone, transform, self.kind, self.out, team, multi_scale=self.multi_scale
            )
            scores = {}
            for landmarks in opened:
                database = extraction(landmarks.database, f"{landmarks.name} database")
                queries = extraction(landmarks.queries, f"{landmarks.name} queries")
                if team.leads:
                    scores[landmarks.name] = landmark_scores.evaluate_landmarks(
                        database, queries, landmarks
                    )
            if team.leads:
                rows = landmark_scores.table_rows(scores, f"{run.backbone_name}, this run")
                results = landmark_scores.as_results(scores, opened)
                table = run.finish(results, rows, RETRIEVAL, landmark_scores.sizes_text(opened))
                landmark_scores.report(scores, table)
        return 0
