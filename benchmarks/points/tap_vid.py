"""Any points propagated through the videos of TAP-Vid DAVIS with frozen features.

C. Doersch et al. 2022 (arXiv 2211.03726).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from benchmarks.points.options import run_protocol
from vos.backbones.loading import BackboneOptions
from vos.propagation.config import PointConfig, PropagationConfig

if TYPE_CHECKING:
    from benchmarks.points.protocol import PointProtocol


@dataclass(frozen=True)
class TapVid:
    """Any points on TAP-Vid DAVIS: AJ, δ and occlusion accuracy of frozen features.

    Run again after a stop, it keeps whole videos and goes on. `torchrun --no-python
    --nproc-per-node N vos-bench tap-vid ...` shares the videos out among N processes, the longest
    first.

    Example: vos-bench tap-vid --data tapvid_davis.pkl --backbone dino_vits8 -o runs/tap_vid
    """

    data: Path
    """tapvid_davis.pkl, its folder, or a folder of videos (frames and points.npz or .json)."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder to write to."""
    queries: Literal["first", "strided"] = "first"
    """first: each point's first visible frame; strided: every five frames, both ways."""
    sequences: tuple[str, ...] = ()
    """Take these videos only."""
    preset: str = ""
    """Start from the settings of published code for points. No published code has settings for
    this set; the defaults are those of DAVIS."""
    backbone: BackboneOptions = field(default_factory=BackboneOptions)
    propagation: PropagationConfig = field(default_factory=PropagationConfig)
    point_config: Annotated[PointConfig, tyro.conf.arg(name="point")] = field(
        default_factory=PointConfig
    )
    feature_cache: Path | None = None
    """Keep the features of all frames in this folder, for other runs with the same backbone."""
    overwrite: bool = False
    """Replace the run in the output folder."""

    def run(self) -> int:
        """Follow the points, score and report; return 1 if a video failed."""
        return run_protocol(self._protocol, self)

    def _protocol(self) -> PointProtocol:
        from benchmarks.points.tap_vid_protocol import TapVidProtocol
        from vos.datasets.points.tap_vid import open_tap_vid

        return TapVidProtocol(open_tap_vid(self.data, sequences=self.sequences), self.queries)
