"""`vos segment`: the main job, for one video or for a list of them."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from vos.backbones.loading import BackboneOptions, load_with_progress
from vos.cli.pytorch import start_pytorch
from vos.errors import InputError
from vos.propagation.config import PropagationConfig
from vos.runtime.local_team import run_local_team
from vos.runtime.progress import CountProgress
from vos.segmentation.options import (
    OutputOptions,
    PassOptions,
    PromptRules,
    parse_masks,
    ways_to_a_mask,
)
from vos.video.frame_range import FrameRange, ReadingOptions

if TYPE_CHECKING:
    from vos.backbones.backbone import Backbone
    from vos.runtime.distributed import Team
    from vos.segmentation.batch import BatchItem
    from vos.segmentation.prompts import MaskSource
    from vos.segmentation.segment import SegmentResult


@dataclass(frozen=True)
class Segment:
    """Segment objects through a video from a mask on its first frame, or on any frames.

    Writes masks/<frame>.png (indexed PNG, DAVIS palette), overlay.mp4 and run.json. With --batch
    it does so for every video of a list, with one load of the model; with --processes the list
    is shared out over processes, under torchrun over machines too.

    Example: vos segment clip.mp4 --mask first.png -o out
    """

    video: Annotated[tyro.conf.Positional[str | None], tyro.conf.arg(metavar="VIDEO")] = None
    """Video file, folder or pattern of pictures, camera:N, or a stream's address."""
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """Folder to write to."""
    mask: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """Mask file for the first frame, or 45:FILE for the frame of index 45, or NAME:FILE for the
    frame of that name; may be repeated. Indexed, gray, black-and-white or colour pictures, .npy,
    LabelMe or COCO .json, CVAT .xml, or a folder with a mask named as the frame. The folder of a
    project of vos app gives all its prompts."""
    batch: Path | None = None
    """CSV file with the columns video, mask and output, in the place of one video. Several masks
    of one video are separated by semicolons, in quotes where semicolons separate the columns."""
    resume: bool = False
    """Go on with the unfinished run in the output folder."""
    overwrite: bool = False
    """Replace the run in the output folder."""
    processes: int = 1
    """Processes on this machine that share out the list of --batch, with a GPU each where there
    are several; for several machines there is torchrun."""
    feature_cache: Path | None = None
    """Folder to keep features in, so that another run over the video computes none twice."""
    threads: int | None = None
    """Threads that PyTorch computes in on a processor; by default one a core."""
    preset: str = ""
    """Start from the settings of published code: dino-davis (the default), dinov3-davis,
    siammae-davis or siammae-vip. Other options change single values of it, and --help shows the
    values of the preset that is given before it."""
    outputs: Annotated[OutputOptions, tyro.conf.arg(name="output")] = field(
        default_factory=OutputOptions
    )
    rules: Annotated[PromptRules, tyro.conf.arg(name="mask")] = field(default_factory=PromptRules)
    frames: Annotated[FrameRange, tyro.conf.arg(name="frame")] = field(default_factory=FrameRange)
    passes: PassOptions = field(default_factory=PassOptions)
    reading: ReadingOptions = field(default_factory=ReadingOptions)
    backbone: BackboneOptions = field(default_factory=BackboneOptions)
    propagation: PropagationConfig = field(default_factory=PropagationConfig)

    def run(self) -> int:
        """Segment what was asked for and say what was done."""
        if self.batch is not None:
            return self._run_batch(self.batch)
        if self.processes != 1:
            raise InputError("--processes shares out a list of videos; give it with --batch alone")
        if self.video is None or (self.out is None and self.mask):
            raise InputError("give a video and -o OUT, or a list of videos (--batch)")
        if not self.mask:
            what = "" if self.out else "give a video and -o OUT; "
            raise InputError(what + ways_to_a_mask(self.video))
        assert self.out is not None
        masks = parse_masks(self.mask)
        start_pytorch(self.threads)
        from vos.segmentation.batch import BatchItem

        item = BatchItem(self.video, masks, self.out)
        load = partial(self._load, self.backbone.device)
        _report(self._segment(item, load, "segment"), self.outputs)
        return 0

    def _run_batch(self, path: Path) -> int:
        if self.processes < 1:
            raise InputError(f"--processes {self.processes}: expected 1 or more")
        if self.video is not None or self.out is not None or self.mask:
            raise InputError("--batch names videos, masks and outputs; give no others beside it")
        if self.processes > 1 and "WORLD_SIZE" not in os.environ:  # which this one's own have
            return run_local_team([sys.executable, "-m", "vos", *sys.argv[1:]], self.processes)
        start_pytorch(self.threads)
        from vos.runtime.distributed import team
        from vos.segmentation.batch import read_batch, run_batch

        with team() as processes:
            items = processes.from_leader(lambda: read_batch(path))
            device = processes.device(self.backbone.device)
            backbone = processes.one_at_a_time(lambda: self._load(device))

            def one(item: BatchItem) -> None:
                result = self._segment(item, backbone, item.video)
                print(f"{item.video}: {result.frames} frames in {result.out}", flush=True)

            failures = run_batch(items, processes.shares(len(items)), one)
            return _summary(processes, len(items), [(f.video, f.reason) for f in failures])

    def _load(self, device: str) -> Backbone:
        backbone = load_with_progress(dataclasses.replace(self.backbone, device=device))
        if self.feature_cache is None:
            return backbone
        from vos.features.cache import CachedBackbone

        return CachedBackbone(backbone, self.feature_cache)

    def _segment(
        self, item: BatchItem, backbone: Backbone | Callable[[], Backbone], label: str
    ) -> SegmentResult:
        from vos.segmentation.segment import segment_video

        masks: dict[int | str, MaskSource] = {
            self.frames.start if frame is None else str(frame): path
            for frame, path in item.masks.items()
        }
        try:
            with ExitStack() as stack:
                progress = CountProgress(stack, label)
                return segment_video(
                    item.video,
                    masks,
                    item.out,
                    backbone=backbone,
                    config=self.propagation,
                    frames=self.frames,
                    reading=self.reading,
                    rules=self.rules,
                    outputs=self.outputs,
                    passes=self.passes,
                    resume=self.resume,
                    overwrite=self.overwrite,
                    on_frame=progress,
                    on_pass=lambda name: progress.note(f"{name} pass"),
                )
        except KeyboardInterrupt as stop:
            stop.args = tuple(_kept(item.out))
            raise


def _kept(out: Path) -> Iterator[str]:
    """Give a sentence on what a stopped run left in its folder, if it left something."""
    from vos.segmentation.run_folder import frames_kept

    frames, resumable = frames_kept(out)
    if frames or resumable:
        counted = "1 frame is" if frames == 1 else f"{frames} frames are"
        if not frames:
            counted = "the backward pass is"
        advice = "; give the same command with --resume to go on" if resumable else ""
        yield f"{counted} kept in {out}{advice}"


def _summary(processes: Team, total: int, failures: list[tuple[str, str]]) -> int:
    """Gather the failures of all processes; the first prints them, all exit alike."""
    failed = [failure for some in processes.gather(failures) for failure in some]
    lines = [f"failed: {video}: {reason}" for video, reason in failed]
    return processes.conclude(f"{total - len(failed)} of {total} videos done", lines)


def _report(result: SegmentResult, outputs: OutputOptions) -> None:
    from vos.segmentation.run_folder import CONFIDENCE, MASKS, MEASUREMENTS, OVERLAY

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
    if outputs.writes_confidence:
        print(f"confidence: {result.out / CONFIDENCE}")
    if outputs.measure:
        print(f"measurements: {result.out / MEASUREMENTS}")
