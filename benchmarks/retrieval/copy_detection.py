"""`vos-bench copy-detection`: Copydays (Caron et al. 2021, Table 4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from benchmarks.features.choices import FeatureKind
from benchmarks.features.options import FeatureOptions
from vos.errors import InputError
from vos.runtime.progress import status

if TYPE_CHECKING:
    from benchmarks.reporting.benchmark_run import BenchmarkRun


@dataclass(frozen=True)
class CopyDetection:
    """Find the originals of copied images (Table 4): mAP over the first 20 places.

    Descriptor: class token and GeM of the patch tokens, of the image stretched to a square.

    Example: vos-bench copy-detection --root copydays --backbone dino_vitb8 -o runs/copy
    """

    root: Path
    """Folder of original/ and, as far as they are there, strong/, jpegqual/*/ and crops/*/."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder to write run.json, results.json and table.md to."""
    distractors: str | None = None
    """Folder or zip archive of images that are added to the database. Published: 10,000."""
    whitening: str | None = None
    """Folder or zip archive of other images to learn whitening from. Published: 20,000."""
    size: int = 320
    """Pixels of the square. Published: 224 for patch 16, 320 for patch 8."""
    places: int = 20
    """Length of the list that a copy is looked for in."""
    prefix: int = 4
    """Characters at the start of its name that a copy shares with its original."""
    kind: FeatureKind = "class_gem"
    """Which features; class_gem is the published setting."""
    extraction: Annotated[FeatureOptions, tyro.conf.arg(name="")] = field(
        default_factory=FeatureOptions
    )

    def run(self) -> int:
        """Extract descriptors, search, and write the scores."""
        if self.places < 1:
            raise InputError(f"places is {self.places}; expected at least 1")
        from benchmarks.reporting.benchmark_run import team_run

        with team_run("copy-detection", self, self.out, self.extraction.backbone.device) as run:
            self._evaluate(run)
        return 0

    def _evaluate(self, run: BenchmarkRun) -> None:
        import torch

        from benchmarks.features.image_sets import open_images
        from benchmarks.features.transforms import transform_for
        from benchmarks.retrieval.copy_scores import report, score_copies
        from benchmarks.retrieval.copydays import open_copydays
        from benchmarks.retrieval.whitening import learn_whitening

        status(f"reading the lists of images of {self.root}")
        copydays = open_copydays(self.root, self.prefix)
        distractors = open_images(self.distractors) if self.distractors else None
        whitened_by = open_images(self.whitening) if self.whitening else None
        backbone = self.extraction.load(run.team)
        run.weights = backbone.describe()
        transform = transform_for(backbone, "square", self.size)
        extract = self.extraction.extractor(backbone, transform, self.kind, self.out, run.team)
        database = extract(copydays.originals, "originals")
        if distractors is not None:
            database = torch.cat([database, extract(distractors, "distractors")])
        queries = [extract(block.images, block.name) for block in copydays.blocks]
        whitening = None
        if whitened_by is not None:
            whitening = learn_whitening(extract(whitened_by, "whitening images"))
        if run.team.leads:
            results = {
                "originals": len(copydays.originals),
                "database": len(database),
                "whitening_images": 0 if whitened_by is None else len(whitened_by),
                "copies": {b.name: len(b.images) for b in copydays.blocks},
                "map": score_copies(database, queries, copydays, self.places, whitening),
            }
            report(run, results, f"{run.backbone_name}, {self.size} px, this run")
