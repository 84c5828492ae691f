"""What the verbs of points have in common: the backbone, its cache, and who loads what."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

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


def run_protocol(
    make: Callable[[], PointProtocol],
    data: Path,
    out: Path,
    *,
    backbone: BackboneOptions,
    propagation: PropagationConfig,
    points: PointConfig,
    feature_cache: Path | None,
    overwrite: bool,
) -> int:
    """Open the set in every process, load the backbone, and run.

    Args:
        make: opens the set.
        data: the set's folder or file, for what is shown.
        out: the folder to write to.
        backbone: which features.
        propagation: the numbers of the propagation.
        points: how points become labels and are read back.
        feature_cache: folder that keeps features.
        overwrite: replace the run in the folder.

    Returns:
        The exit status.
    """
    check_point_mode(propagation)
    from benchmarks.points.point_run import PointSettings, run_points
    from benchmarks.points.track_folder import TrackFolder
    from vos.features.cache import CachedBackbone
    from vos.runtime.distributed import team

    with team() as processes:
        if processes.leads:
            status(f"reading {data}")
        protocol = processes.one_at_a_time(make)
        network = load_for_team(backbone, processes)
        if feature_cache is not None:
            network = CachedBackbone(network, feature_cache)
        return run_points(
            protocol,
            network,
            TrackFolder(out),
            processes,
            PointSettings(propagation, points),
            overwrite=overwrite,
        )
