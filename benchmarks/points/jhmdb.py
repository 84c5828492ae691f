"""Joints of people propagated through the videos of JHMDB with frozen features.

A. Jabri et al. 2020 (arXiv 2006.14613), section 4; the set is of H. Jhuang et al., ICCV 2013.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from benchmarks.points.options import preset_points, preset_propagation, run_protocol
from vos.backbones.loading import BackboneOptions
from vos.propagation.config import PointConfig, PropagationConfig

if TYPE_CHECKING:
    from benchmarks.points.protocol import PointProtocol

_PRESET = "crw-jhmdb"


@dataclass(frozen=True)
class Jhmdb:
    """Joints of people on JHMDB: PCK of the first frame's joints, propagated.

    Run again after a stop, it keeps whole videos and goes on. `torchrun --no-python
    --nproc-per-node N vos-bench jhmdb ...` shares the videos out among N processes, the longest
    first.

    Example: vos-bench jhmdb --data JHMDB --backbone dino_vits16 -o runs/jhmdb
    """

    data: Path
    """JHMDB folder (Rename_Images, joint_positions, splits)."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder to write to."""
    set: Literal["test", "train"] = "test"
    """The set of the split."""
    split: Literal[1, 2, 3] = 1
    """The published figures are of split 1."""
    sequences: tuple[str, ...] = ()
    """Take these videos only, as class/video."""
    preset: str = _PRESET
    """Start from the settings of published code: crw-jhmdb (the default) or siammae-jhmdb. Other
    options change single values of it."""
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
        from benchmarks.points.jhmdb_protocol import JhmdbProtocol
        from vos.datasets.points.jhmdb import open_jhmdb

        return JhmdbProtocol(
            open_jhmdb(self.data, self.set, split=self.split, sequences=self.sequences)
        )
