"""Follow points through a video: from a file of points to a folder with tracks and overlay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vos.backbones.loading import DEFAULT_BACKBONE, BackboneSource
from vos.errors import InputError
from vos.propagation.config import PointConfig, PropagationConfig
from vos.runtime.folder_lock import locked_folder
from vos.segmentation.run_folder import check_folder, make_folder, prepare_folder, refuse_resuming
from vos.segmentation.source_fingerprint import fingerprint_of
from vos.tracking.options import TrackOutputs
from vos.tracking.point_files import PointQuery, check_inside, read_points, refuse_same_names
from vos.tracking.point_tracker import PointTracker
from vos.tracking.track_run import OnFrame, TrackRun
from vos.video.frame_range import FrameRange, ReadingOptions
from vos.video.reader import FrameReader, Source, open_frames

_LIVE = frozenset({"camera", "stream"})


@dataclass(frozen=True)
class TrackResult:
    """What a finished run says of itself."""

    out: Path
    frames: int
    """Frames done, those of an earlier part of the run too."""
    computed: int
    """Frames that this call computed, in both directions together."""
    points: int
    seconds: float
    """What this call took."""


def track_video(
    source: Source,
    points: str | Path | Sequence[PointQuery],
    out: str | Path,
    *,
    backbone: BackboneSource = DEFAULT_BACKBONE,
    config: PropagationConfig | None = None,
    point_config: PointConfig | None = None,
    frames: FrameRange | None = None,
    outputs: TrackOutputs | None = None,
    reading: ReadingOptions | None = None,
    backward: bool = False,
    resume: bool = False,
    overwrite: bool = False,
    on_frame: OnFrame | None = None,
) -> TrackResult:
    """Follow points through a video.

    Writes `tracks.csv`, `overlay.mp4` and `run.json` into `out`. Stopped, it keeps what it has.

    Args:
        source: a video file, a folder or glob of images, a camera or stream address; or a list
            of image files, one a frame, or of frames, as for `vos.segment_video`.
        points: a CSV file (see `read_points`), or the points themselves.
        out: the folder to write to.
        backbone: a name, backbone, module or function; see `vos.backbones.loading.as_backbone`.
        config, point_config: the numbers of the propagation, and of points.
        frames, reading: which frames, and what is done about faults of the source.
        outputs: what is written beside the tracks.
        backward: follow each point to the frames before its own too.
        resume: go on with the unfinished run in `out`, of the same settings and source.
        overwrite: replace the run in `out`.
        on_frame: called after each frame with (frames done, frames in all or None).

    Raises:
        InputError: anything given that cannot be used, or a source that is cut short or damaged.
        OSError: a result cannot be written.
        KeyboardInterrupt: stopped; what was finished is on disk.
    """
    frames, outputs, out = frames or FrameRange(), outputs or TrackOutputs(), Path(out)
    earlier = check_folder(out, resume=resume, overwrite=overwrite)
    given = read_points(points) if isinstance(points, str | Path) else list(points)
    with open_frames(source, **asdict(frames), reading=reading) as reader:
        _check_range(reader, frames, backward=backward)
        refuse_resuming(reader, is_resumed=resume and earlier is not None)
        run = TrackRun(
            reader,
            given,
            _by_frame(given, reader, frames),
            PointTracker(backbone, config, point_config),
            frames=frames,
            out=out,
            outputs=outputs,
            backward=backward,
            reading=reading,
            on_frame=on_frame,
        )
        seconds = _run(run, resume=resume, overwrite=overwrite)
    return TrackResult(out, run.done, run.computed, len(given), seconds)


def _check_range(reader: FrameReader, frames: FrameRange, *, backward: bool) -> None:
    if frames.max_size is not None:
        raise InputError("max size is not for points: they are counted in the frames' own pixels")
    if backward and reader.kind in _LIVE | {"arrays"}:
        what = "given frame by frame" if reader.kind == "arrays" else "live"
        raise InputError(f"{reader.source} is {what} and cannot be followed backward")


def _run(run: TrackRun, *, resume: bool, overwrite: bool) -> float:
    make_folder(run.out)
    with locked_folder(run.out):
        return _run_locked(run, resume=resume, overwrite=overwrite)


def _run_locked(run: TrackRun, *, resume: bool, overwrite: bool) -> float:
    """Make the folder ready and do what an earlier run there has not done."""
    fingerprint = fingerprint_of(run.reader.files, video=run.reader.kind == "video")
    settings = run.settings(fingerprint.as_json() if fingerprint else None)
    earlier = prepare_folder(
        run.out,
        settings,
        defaults=_setting_defaults(),
        fingerprint=fingerprint,
        resume=resume,
        overwrite=overwrite,
    )
    if earlier.record is not None:
        run.done = int(earlier.record["results"]["frames"])
        return 0.0
    return run.run(settings, resumed=earlier.state == "unfinished")


def _setting_defaults() -> dict[str, Any]:
    return {
        "frames": asdict(FrameRange()),
        "propagation": asdict(PropagationConfig()),
        "points_config": asdict(PointConfig()),
        "outputs": asdict(TrackOutputs()),
    }


def _by_frame(
    points: Sequence[PointQuery], reader: FrameReader, frames: FrameRange
) -> dict[int, list[int]]:
    """Return the numbers of the points given for each frame, by its index.

    Raises:
        InputError: there are no points; one is for a frame that is not taken, or lies outside.
    """
    if not points:
        raise InputError("no points were given")
    refuse_same_names(points)
    names = _frame_names(reader, frames)
    by_frame: dict[int, list[int]] = {}
    for number, point in enumerate(points):
        by_frame.setdefault(_index(point, names, reader, frames), []).append(number)
    if reader.kind not in _LIVE:  # the first frame of those would grow old
        first = reader.peek()
        if first is not None:
            check_inside(points, first.image.shape[0], first.image.shape[1])
    return by_frame


def _index(
    point: PointQuery, names: Mapping[str, int], reader: FrameReader, frames: FrameRange
) -> int:
    if point.frame is None:
        return frames.start
    index = point.frame if isinstance(point.frame, int) else names.get(point.frame)
    if index is None and isinstance(point.frame, str) and point.frame.isdecimal() and not names:
        index = int(point.frame)  # a video's frames have no names but their numbers
    if index is None:
        known = f"names from {min(names)} to {max(names)}" if names else "numbers"
        raise InputError(
            f"point {point.name} is given for frame {point.frame!r}; the frames have {known}"
        )
    exact = reader.kind not in _LIVE | {"video"} and reader.count is not None
    beyond = exact and index >= frames.start + frames.stride * (reader.count or 0)
    if not frames.takes(index) or beyond:
        count = f"; {reader.source} gives {reader.count} of them" if exact else ""
        raise InputError(
            f"point {point.name} is given for frame {index}, which is not among the frames taken "
            f"(start {frames.start}, end {frames.end}, stride {frames.stride}{count})"
        )
    return index


def _frame_names(reader: FrameReader, frames: FrameRange) -> dict[str, int]:
    """Return the index of each frame taken by its name, where frames are files."""
    if reader.kind in _LIVE | {"video"} or len(reader.files) != reader.count:
        return {}
    return {
        path.stem: frames.start + position * frames.stride
        for position, path in enumerate(reader.files)
    }
