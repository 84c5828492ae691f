"""The options that all evaluations of frozen features share; reading them loads no PyTorch."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.features.choices import FeatureKind, LoaderOptions
from vos.backbones.loading import BackboneOptions, as_backbone

if TYPE_CHECKING:
    from benchmarks.features.extraction import Extraction
    from benchmarks.features.transforms import ImageTransform
    from vos.backbones.backbone import Backbone
    from vos.backbones.loading import BackboneSource
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
        return load_for_team(self.backbone, team)

    def extractor(
        self,
        backbone: Backbone,
        transform: ImageTransform,
        kind: FeatureKind,
        out: Path,
        team: Team,
        *,
        multi_scale: bool = False,
    ) -> Extraction:
        """Return what computes and keeps the features of this run."""
        from benchmarks.features.extraction import Extraction

        cache = self.cache or out / "features"
        return Extraction(backbone, transform, kind, self.loader, cache, team, multi_scale)


def backbone_for_team(given: BackboneSource, team: Team) -> Backbone:
    """Return a backbone of what a caller gave: a name, a backbone, a module; see `as_backbone`."""
    if isinstance(given, str):
        return load_for_team(BackboneOptions(backbone=given), team)
    return as_backbone(given)


def load_for_team(options: BackboneOptions, team: Team) -> Backbone:
    """Load a backbone in one process after the other, each on a device of its own."""
    from vos.backbones.loading import load_with_progress

    placed = replace(options, device=team.device(options.device))
    return team.one_at_a_time(lambda: load_with_progress(placed))
