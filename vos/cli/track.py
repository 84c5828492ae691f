"""`vos track`: points through a video."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from vos.backbones.loading import BackboneOptions, load_with_progress
from vos.cli.pytorch import start_pytorch
from vos.errors import InputError
from vos.propagation.config import PointConfig, PropagationConfig, check_point_mode
from vos.runtime.progress import CountProgress
from vos.tracking.options import TrackOutputs
from vos.video.frame_range import FrameRange, ReadingOptions


@dataclass(frozen=True)
class Track:
    """Follow points through a video from the frames that they are given for.

    Writes tracks.csv (frame, point, x, y, visible, confidence), overlay.mp4 and run.json. What
    becomes of a point does not depend on the others.

    Example: vos track clip.mp4 --points points.csv -o out
    """

    video: Annotated[tyro.conf.Positional[str | None], tyro.conf.arg(metavar="VIDEO")] = None
    """Video file, folder or pattern of pictures, camera:N, or a stream's address."""
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """Folder to write to."""
    points: Path | None = None
    """CSV file of points: the columns x and y in pixels, and perhaps frame (index in the source, or
    name of the picture; the first frame by default) and point (a name)."""
    backward: bool = False
    """Follow each point to the frames before its own too."""
    resume: bool = False
    """Go on with the unfinished run in the output folder."""
    overwrite: bool = False
    """Replace the run in the output folder."""
    threads: int | None = None
    """Threads that PyTorch computes in on a processor; by default one a core."""
    preset: str = ""
    """Start from the settings of published code: crw-jhmdb, siammae-jhmdb or pips-badja. Other
    options change single values of it, and --help shows the values of the preset that is given
    before it."""
    outputs: Annotated[TrackOutputs, tyro.conf.arg(name="output")] = field(
        default_factory=TrackOutputs
    )
    frames: Annotated[FrameRange, tyro.conf.arg(name="frame")] = field(default_factory=FrameRange)
    reading: ReadingOptions = field(default_factory=ReadingOptions)
    backbone: BackboneOptions = field(default_factory=BackboneOptions)
    point_config: Annotated[PointConfig, tyro.conf.arg(name="point")] = field(
        default_factory=PointConfig
    )
    propagation: PropagationConfig = field(default_factory=PropagationConfig)

    def run(self) -> int:
        """Follow the points and say what was done."""
        if self.video is None or self.out is None or self.points is None:
            raise InputError("give a video, --points FILE.csv and -o OUT")
        check_point_mode(self.propagation)
        from vos.tracking.point_files import read_points

        points = read_points(self.points)
        start_pytorch(self.threads)
        from vos.segmentation.run_folder import OVERLAY, TRACKS
        from vos.tracking.track import track_video

        try:
            with ExitStack() as stack:
                result = track_video(
                    self.video,
                    points,
                    self.out,
                    backbone=lambda: load_with_progress(self.backbone),
                    config=self.propagation,
                    point_config=self.point_config,
                    frames=self.frames,
                    outputs=self.outputs,
                    reading=self.reading,
                    backward=self.backward,
                    resume=self.resume,
                    overwrite=self.overwrite,
                    on_frame=CountProgress(stack, "track"),
                )
        except KeyboardInterrupt as stop:
            stop.args = tuple(_kept(self.out))
            raise
        if not result.computed:
            print(f"{result.out}: the run is complete already; nothing was left to do")
            return 0
        each = 1000 * result.seconds / result.computed
        counted = "1 point" if result.points == 1 else f"{result.points} points"
        print(f"{counted} in {result.frames} frames; {each:.0f} ms a frame")
        print(f"tracks: {result.out / TRACKS}")
        if self.outputs.overlay:
            print(f"overlay: {result.out / OVERLAY}")
        return 0


def _kept(out: Path) -> Iterator[str]:
    """Give a sentence on what a stopped run left in its folder, if it left something."""
    from vos.segmentation.run_folder import STATE, TRACKS

    if (out / STATE).is_file():
        advice = "give the same command with --resume to go on"
        yield f"the tracks so far are in {out / TRACKS}; {advice}"
