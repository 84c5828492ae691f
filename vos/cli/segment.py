"""`vos segment`: the main job."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from vos.backbones import BackboneOptions
from vos.cli.loading import load_with_progress
from vos.command import Advance, progress
from vos.config import PropagationConfig
from vos.feature_cache import CachedBackbone
from vos.outputs import MASKS, OVERLAY, OutputOptions
from vos.prompts import PromptRules, parse_masks
from vos.segment import FrameRange, SegmentResult, segment_video


@dataclass(frozen=True)
class Segment:
    """Segment objects through a video from a mask on its first frame, or on any frames.

    Writes masks/<frame>.png (indexed PNG, DAVIS palette), overlay.mp4 and run.json.
    """

    video: tyro.conf.Positional[str]
    """Video file, folder or pattern of pictures, camera:N, or a stream's address."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder to write to."""
    mask: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """Mask file for the first frame, or 45:FILE for the frame of index 45; may be repeated."""
    backbone: BackboneOptions = field(default_factory=BackboneOptions)
    propagation: PropagationConfig = field(default_factory=PropagationConfig)
    frames: FrameRange = field(default_factory=FrameRange)
    rules: PromptRules = field(default_factory=PromptRules)
    outputs: OutputOptions = field(default_factory=OutputOptions)
    feature_cache: Path | None = None
    """Folder to keep features in, so that another run over the video computes none twice."""
    resume: bool = False
    """Go on with the unfinished run in the output folder."""
    overwrite: bool = False
    """Replace the run in the output folder."""

    def run(self) -> int:
        """Segment the video and say what was done."""
        masks = {
            self.frames.start if index is None else index: path
            for index, path in parse_masks(self.mask).items()
        }
        backbone = load_with_progress(self.backbone)
        if self.feature_cache is not None:
            backbone = CachedBackbone(backbone, self.feature_cache)
        with progress("segment", None) as advance:
            result = segment_video(
                self.video,
                masks,
                self.out,
                backbone=backbone,
                config=self.propagation,
                frames=self.frames,
                rules=self.rules,
                outputs=self.outputs,
                resume=self.resume,
                overwrite=self.overwrite,
                on_frame=FrameProgress(advance),
            )
        _report(result, self.outputs)
        return 0


class FrameProgress:
    """Turns the pipeline's count of frames into steps of a progress display."""

    def __init__(self, advance: Advance) -> None:
        self._advance = advance
        self._shown = 0

    def __call__(self, done: int, total: int | None) -> None:
        """Take (frames done, frames in all or None)."""
        self._advance(done - self._shown, total=total)
        self._shown = done


def _report(result: SegmentResult, outputs: OutputOptions) -> None:
    for object_id, value in sorted(result.mapping.items()):
        print(f"object {object_id} was {value} in the given mask")
    if not result.computed:
        print(f"{result.out}: the run is complete already; nothing was left to do")
        return
    s = result.seconds
    each = 1000 / result.computed
    print(
        f"{result.frames} frames, objects {', '.join(map(str, result.objects))}; ms a frame: "
        f"features {s.features * each:.0f}, propagation {s.propagation * each:.0f}, waiting for "
        f"frames {s.decode_wait * each:.0f}, writing (beside) {s.writing * each:.0f}"
    )
    print(f"masks: {result.out / MASKS}")
    if outputs.overlay:
        print(f"overlay: {result.out / OVERLAY}")
