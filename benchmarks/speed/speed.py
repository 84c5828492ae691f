"""`vos-bench speed`: how fast `vos segment` computes, beside the plain protocol."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from vos.errors import InputError

Part = Literal["features", "propagation", "clip", "objects", "length", "memory"]
PARTS: tuple[Part, ...] = ("features", "propagation", "clip", "objects", "length", "memory")


@dataclass(frozen=True)
class Speed:
    """Time `vos` beside the plain protocol: features, propagation, a whole clip, memory.

    Untrained ViTs are timed: weights do not change the work.

    Example: vos-bench speed --parts features propagation -o speed.json
    """

    parts: tuple[Part, ...] = PARTS
    """What to measure."""
    patch_sizes: tuple[int, ...] = (16, 8)
    """Patch sizes of ViT-S."""
    rounds: int = 3
    """Every contestant runs this many times, in turns."""
    frames: int = 3
    """Frames of the whole clip, the first included."""
    steps: int = 1000
    """Frame whose cost is compared with the hundredth's."""
    plain: bool = True
    """Time the plain protocol too; it takes minutes at patch 8."""
    loader: Path | None = None
    """Measure the loader of pretraining instead, on this folder or archive of images."""
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"], metavar="FILE")] = None
    """Write times, ratios, machine and versions to this JSON file."""

    def run(self) -> int:
        """Measure, print and write."""
        if self.loader is not None:
            from benchmarks.speed.loader import MeasureLoader

            return MeasureLoader((str(self.loader),), out=self.out).run()
        if self.rounds < 1 or self.frames < 2 or self.steps < 200:
            raise InputError("give at least 1 round, 2 frames and 200 steps")
        from benchmarks.speed.propagation import SideBySide, run_measurements

        side_by_side = SideBySide(self.rounds, self.frames, self.steps, self.plain)
        parts = [part for part in PARTS if part in self.parts]
        run_measurements(side_by_side.measurements(parts, self.patch_sizes), self.out)
        return 0
