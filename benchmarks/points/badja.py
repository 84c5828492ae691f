"""Joints of animals propagated through videos of DAVIS with frozen features.

B. Biggs et al. 2018 (arXiv 1811.05804); the protocol is that of A. W. Harley et al. 2022 (arXiv
2204.04153).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from benchmarks.points.options import preset_points, preset_propagation, run_protocol
from vos.backbones.loading import BackboneOptions
from vos.propagation.config import PointConfig, PropagationConfig

if TYPE_CHECKING:
    from benchmarks.points.protocol import PointProtocol

_PRESET = "pips-badja"


@dataclass(frozen=True)
class Badja:
    """Joints of animals on BADJA: PCK-T of the first annotated frame's joints, propagated.

    Run again after a stop, it keeps whole videos and goes on. `torchrun --no-python
    --nproc-per-node N vos-bench badja ...` shares the videos out among N processes, the longest
    first.

    Example: vos-bench badja --data BADJA --davis DAVIS --backbone dino_vits8 -o runs/badja
    """

    data: Path
    """BADJA folder (joint_annotations), or the folder of its JSON files."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder to write to."""
    davis: tuple[Path, ...] = ()
    """DAVIS folders to find the frames and masks in; by default DAVIS in the BADJA folder."""
    resolution: str | None = None
    """Of DAVIS; None: Full-Resolution, 1080p or 480p, whichever is there first."""
    sequences: tuple[str, ...] = ()
    """Take these videos only."""
    preset: str = _PRESET
    """Start from the settings of published code. Other options change single values of it."""
    backbone: BackboneOptions = field(default_factory=BackboneOptions)
    propagation: PropagationConfig = field(default_factory=preset_propagation(_PRESET))
    point_config: Annotated[PointConfig, tyro.conf.arg(name="point")] = field(
        default_factory=preset_points(_PRESET)
    )
    feature_cache: Path | None = None
    """Keep the features of all frames in this folder, for other runs with the same backbone."""
    overwrite: bool = False
    """Replace the run in the output folder."""

    def run(self) -> int:
        """Follow the joints, score and report; return 1 if a video failed."""
        return run_protocol(self._protocol, self)

    def _protocol(self) -> PointProtocol:
        from benchmarks.points.badja_protocol import BadjaProtocol
        from vos.datasets.points.badja import open_badja

        return BadjaProtocol(
            open_badja(
                self.data,
                davis=self.davis,
                resolution=self.resolution,
                sequences=self.sequences,
            )
        )
