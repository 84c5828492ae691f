"""`vos-bench copy-detection`: Copydays (Caron et al. 2021, Table 4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import torch
import tyro
from torch import Tensor
from torch.nn import functional as F

from benchmarks.features.descriptors import FeatureKind
from benchmarks.features.image_sets import open_images
from benchmarks.features.options import FeatureOptions
from benchmarks.features.transforms import view_for
from benchmarks.reporting.benchmark_run import BenchmarkRun, benchmark_run, shown_name
from benchmarks.reporting.published_figures import COPY_DETECTION
from benchmarks.retrieval.copydays import STRONG, Copydays, block_map, open_copydays
from benchmarks.retrieval.whitening import learn_whitening
from vos.errors import InputError
from vos.runtime.devices import resolve_device
from vos.runtime.distributed import team


@dataclass(frozen=True)
class CopyDetection:
    """Find the originals of copied images (Table 4): mAP over the first 20 places.

    Descriptor: class token and GeM of the patch tokens, of the image stretched to a square.
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
    extraction: FeatureOptions = field(default_factory=FeatureOptions)

    def run(self) -> int:
        """Extract descriptors, search, and write the scores."""
        if self.places < 1:
            raise InputError(f"places is {self.places}; expected at least 1")
        with team() as processes:
            device = resolve_device(processes.device(self.extraction.backbone.device))
            settings = asdict(self)
            with benchmark_run("copy-detection", self.out, settings, device, processes) as run:
                copydays = open_copydays(self.root, self.prefix)
                others = open_images(self.distractors) if self.distractors else None
                learnt = open_images(self.whitening) if self.whitening else None
                backbone = self.extraction.load(processes)
                settings["weights"] = backbone.describe()
                view = view_for(backbone, "square", self.size)
                extract = self.extraction.extractor(backbone, view, self.kind, self.out, processes)
                database = extract(copydays.originals, "originals")
                if others is not None:
                    database = torch.cat([database, extract(others, "distractors")])
                queries = [extract(block.images, block.name) for block in copydays.blocks]
                white = (
                    learn_whitening(extract(learnt, "whitening images"))
                    if learnt is not None
                    else None
                )
                if processes.leads:
                    scores = score_copies(database, queries, copydays, self.places, white)
                    results = {
                        "originals": len(copydays.originals),
                        "database": len(database),
                        "whitening_images": 0 if learnt is None else len(learnt),
                        "copies": {b.name: len(b.images) for b in copydays.blocks},
                        "map": scores,
                    }
                    name = f"{shown_name(settings['weights'])}, {self.size} px, this run"
                    report(scores, run, results, name)
        return 0


def report(scores: dict[str, float], run: BenchmarkRun, results: dict[str, Any], name: str) -> None:
    """Write the results, and print the scores and the table."""
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
    held = F.normalize(database if whitening is None else whitening(database), dim=1)
    scores = {}
    for block, values in zip(copydays.blocks, prepared, strict=True):
        similarity = F.normalize(values, dim=1) @ held.T
        found = similarity.topk(min(places, len(held)), dim=1).indices
        scores[block.name] = block_map(found.numpy(), block.positives)
    return scores
