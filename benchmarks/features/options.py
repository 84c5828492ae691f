"""The options that all evaluations of frozen features share."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.features.descriptors import FeatureKind
from benchmarks.features.extraction import Extraction, LoaderOptions
from benchmarks.features.transforms import ImageTransform
from vos.backbones.backbone import Backbone
from vos.backbones.loading import BackboneOptions, load_with_progress
from vos.runtime.distributed import Team


@dataclass(frozen=True)
class FeatureOptions:
    """Which features are computed, and where they are kept."""

    backbone: BackboneOptions = field(default_factory=BackboneOptions)
    loader: LoaderOptions = field(default_factory=LoaderOptions)
    cache: Path | None = None
    """Folder that keeps features for other runs; by default `features` in the output folder."""

    def load(self, team: Team) -> Backbone:
        """Load the backbone, on a device of its own for each process."""
        options = replace(self.backbone, device=team.device(self.backbone.device))
        return team.one_at_a_time(lambda: load_with_progress(options))

    def extractor(
        self,
        backbone: Backbone,
        view: ImageTransform,
        kind: FeatureKind,
        out: Path,
        team: Team,
        *,
        multi_scale: bool = False,
    ) -> Extraction:
        """Return what computes and keeps the features of this run."""
        cache = self.cache or out / "features"
        return Extraction(backbone, view, kind, self.loader, cache, team, multi_scale)
