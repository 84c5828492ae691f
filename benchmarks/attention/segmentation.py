"""`vos-bench attention-segmentation`: class-token attention as a mask (Caron et al. 2021, Fig. 4).

How the published figures were made is told by the first author at
github.com/facebookresearch/dino/issues/54: each true mask takes its best head, a picture's score
is the mean over its masks, and the result the mean over pictures.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from benchmarks.features.options import FeatureOptions
from benchmarks.features.run_identity import later_options
from vos.backbones.input_size import DEFAULT_SHORT_SIDE
from vos.errors import InputError
from vos.runtime.progress import status

if TYPE_CHECKING:
    from benchmarks.reporting.benchmark_run import BenchmarkRun
    from vos.backbones.backbone import Backbone

_COUNTED = ("set", "mass", "short_side")


# The data count by their path, weights and precision by their own values.
_NOT_COUNTED = ("data", "out", "every", "extraction")


@dataclass(frozen=True)
class AttentionSegmentation:
    """Compare what the class token attends to with true masks (Figure 4).

    For each head, the patches that carry --mass of the attention are its mask. Each true mask, a
    class of VOC or an object of DAVIS, is compared with the best head's; the result is the mean
    over the masks of a picture, then over pictures. Run again after a stop, it goes on.

    Example: vos-bench attention-segmentation --data VOC2012 -o runs/attention
    """

    data: Path
    """PASCAL VOC 2012 (JPEGImages, SegmentationClass, ImageSets/Segmentation), or DAVIS."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder to write run.json, results.json and table.md to."""
    set: str = "val"
    """The set: val, train, ..."""
    mass: float = 0.6
    """Share of the attention that a mask keeps."""
    short_side: int = DEFAULT_SHORT_SIDE
    """Pixels of the shorter side of what the network sees; 0 keeps the picture's size."""
    every: int = 1
    """Take one in so many pictures; of DAVIS, one in so many annotated frames."""
    extraction: Annotated[FeatureOptions, tyro.conf.arg(name="")] = field(
        default_factory=FeatureOptions
    )

    def run(self) -> int:
        """Compute attention, compare, and write the scores."""
        if not 0 < self.mass <= 1:
            raise InputError(f"mass is {self.mass}; expected a share above 0 and at most 1")
        from benchmarks.reporting.benchmark_run import team_run

        device = self.extraction.backbone.device
        with team_run("attention-segmentation", self, self.out, device) as run:
            self._evaluate(run)
        return 0

    def _evaluate(self, run: BenchmarkRun) -> None:
        from benchmarks.attention.masked_images import open_pictures
        from benchmarks.attention.picture_scores import Journal, score_pictures, summary
        from benchmarks.attention.report import report

        status(f"reading the list of images of {self.data}")
        pictures = open_pictures(self.data, self.set, self.every)
        backbone = self.extraction.load(run.team)
        if not backbone.has_class_attention:
            raise InputError(
                f"{backbone.record.name} has no class token whose attention is known; "
                "give a DINO ViT, by name or by --weights"
            )
        run.weights = backbone.describe()
        journal = Journal(self.out, self.identity(backbone), run.team.rank)
        scores = score_pictures(
            pictures,
            backbone,
            run.team,
            journal,
            mass=self.mass,
            short_side=self.short_side,
        )
        if run.team.leads:
            report(run, summary(scores), f"{self.data.name}, set {self.set}")

    def identity(self, backbone: Backbone) -> str:
        """Return a digest of all that scores of a stopped run must share with this one's."""
        from vos.backbones.backbone import weights_digest
        from vos.runtime.devices import precision_name

        values = [str(self.data.resolve()), *(getattr(self, name) for name in _COUNTED)]
        values += later_options(self, (*_COUNTED, *_NOT_COUNTED)).items()
        made_with = (weights_digest(backbone), precision_name(backbone.dtype))
        return hashlib.sha256(repr((tuple(values), made_with)).encode()).hexdigest()
