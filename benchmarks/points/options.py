"""What the verbs of points have in common: the backbone, its cache, and who loads what."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from benchmarks.features.options import load_for_team
from vos.backbones.loading import BackboneOptions
from vos.propagation.config import PointConfig, PropagationConfig, check_point_mode
from vos.propagation.presets import PRESETS
from vos.runtime.progress import status

if TYPE_CHECKING:
    from benchmarks.points.protocol import PointProtocol


def preset_propagation(name: str) -> Callable[[], PropagationConfig]:
    """Return what gives the propagation of a preset, as a default of a verb."""
    return lambda: PRESETS[name].propagation


def preset_points(name: str) -> Callable[[], PointConfig]:
    """Return what gives the points' settings of a preset, as a default of a verb."""
    return lambda: PRESETS[name].points or PointConfig()


class PointVerb(Protocol):
    """What every verb of points is told."""

    @property
    def data(self) -> Path:
        """The set's folder or file."""

    @property
    def out(self) -> Path:
        """The folder to write to."""

    @property
    def backbone(self) -> BackboneOptions:
        """Which features."""

    @property
    def propagation(self) -> PropagationConfig:
        """The numbers of the propagation."""

    @property
    def point_config(self) -> PointConfig:
        """How points become labels and are read back."""

    @property
    def feature_cache(self) -> Path | None:
        """Folder that keeps features."""

    @property
    def overwrite(self) -> bool:
        """Replace the run in the folder."""


def run_protocol(make: Callable[[], PointProtocol], verb: PointVerb) -> int:
    """Open the set in every process by `make`, load the backbone, run, return the exit status."""
    check_point_mode(verb.propagation)
    from benchmarks.points.point_run import PointSettings, run_points
    from benchmarks.points.track_folder import TrackFolder
    from vos.features.cache import CachedBackbone
    from vos.runtime.distributed import team

    with team() as processes:
        if processes.leads:
            status(f"reading {verb.data}")
        protocol = processes.one_at_a_time(make)
        network = load_for_team(verb.backbone, processes)
        if verb.feature_cache is not None:
            network = CachedBackbone(network, verb.feature_cache)
        with processes.own_folder(verb.out):
            return run_points(
                protocol,
                network,
                TrackFolder(verb.out),
                processes,
                PointSettings(verb.propagation, verb.point_config),
                overwrite=verb.overwrite,
            )
