"""The main job from end to end: a video and a mask in, a mask for every frame out.

A thread decodes ahead (`vos.video.reader`), this one computes, a third writes
(`vos.segmentation.outputs`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vos.backbones.loading import DEFAULT_BACKBONE, BackboneSource
from vos.errors import InputError
from vos.masks.values import LoadedMask
from vos.propagation.config import PropagationConfig
from vos.propagation.propagator import LabelPropagator
from vos.propagation.snapshot import load_snapshot
from vos.runtime.folder_lock import locked_folder
from vos.segmentation.options import (
    OutputOptions,
    PassOptions,
    PromptRules,
    is_project,
    masks_of_project,
)
from vos.segmentation.passes.direction import run_direction
from vos.segmentation.pipeline import OnFrame, OnPass, Pipeline
from vos.segmentation.prompts import (
    Masks,
    MaskSource,
    check_sizes,
    masks_by_index,
    read_prompts,
    refuse_frame,
)
from vos.segmentation.run_folder import (
    RUN,
    STATE,
    check_folder,
    make_folder,
    prepare_folder,
    refuse_resuming,
)
from vos.segmentation.run_record import RunRecord, StageSeconds, setting_defaults
from vos.video.frame_range import FrameRange, ReadingOptions
from vos.video.images import list_images
from vos.video.reader import FrameReader, Source, open_frames

_PICTURES = frozenset({"folder", "glob", "image", "list"})


@dataclass(frozen=True)
class SegmentResult:
    """What a finished run says of itself."""

    out: Path
    frames: int
    """Frames with a mask in `out`, those of an earlier part of the run too."""
    computed: int
    """Frames that this call computed."""
    objects: tuple[int, ...]
    seconds: StageSeconds
    """Where the time of this call went."""
    mapping: dict[int, Any]
    """Object id -> colour or gray value in the given masks, where that is not the id itself."""
    record: RunRecord
    """What `run.json` says: settings, versions, results. Of a run that was complete before, the
    earlier call's."""


def segment_video(
    source: Source,
    masks: Masks,
    out: str | Path,
    *,
    backbone: BackboneSource = DEFAULT_BACKBONE,
    config: PropagationConfig | None = None,
    frames: FrameRange | None = None,
    rules: PromptRules | None = None,
    outputs: OutputOptions | None = None,
    reading: ReadingOptions | None = None,
    passes: PassOptions | None = None,
    resume: bool = False,
    overwrite: bool = False,
    on_frame: OnFrame | None = None,
    on_pass: OnPass | None = None,
) -> SegmentResult:
    """Segment objects through a video from a mask on one or more frames.

    Writes `masks/<frame>.png`, `overlay.mp4`, `run.json` and what `outputs` asks for into `out`.
    Stopped, it keeps what it has; `resume` goes on to the same masks.

    Args:
        source: a video file, a folder or glob of images, a camera or stream address; a list of
            image files; or a list or generator of frames, which goes forward and is not resumed.
        masks: a file or array (H, W) for the first frame, a folder, or masks by frame: `Masks`.
        out: the folder to write to.
        backbone: a name, backbone, module or function; see `vos.backbones.loading.as_backbone`.
        config: the propagation's numbers; the published protocol's by default.
        frames: which frames.
        rules: how masks may differ from what is expected.
        outputs: what is written beside the masks.
        reading: what is done about sources that are cut short, damaged or live.
        passes: forward, or both directions; by default both where the first frame has no mask.
        resume: go on with the unfinished run in `out`, of the same settings and source.
        overwrite: replace the run in `out`.
        on_frame: told of progress.
        on_pass: told which pass begins where there are two.

    Raises:
        InputError: anything given that cannot be used, or a source that is cut short or damaged.
        OSError: a result cannot be written.
        KeyboardInterrupt: stopped; what was finished is on disk.
    """
    frames, rules = frames or FrameRange(), rules or PromptRules()
    outputs, out = outputs or OutputOptions(), Path(out)
    earlier = check_folder(out, resume=resume, overwrite=overwrite)
    _check_given(masks, frames, outputs)
    with open_frames(source, **asdict(frames), reading=reading) as reader:
        refuse_resuming(reader, is_resumed=resume and earlier is not None)
        prompts = _prompts(masks, reader, frames, rules)
        way = run_direction(passes, prompts, reader, frames.start, earlier if resume else None)
        tracker = LabelPropagator(backbone, config)
        pipeline = Pipeline(
            reader, tracker, prompts, rules=rules, frames=frames, out=out, options=outputs,
            on_frame=on_frame,
        )  # fmt: skip
        if way == "both":
            pipeline.go_back_first(reading, on_pass)
        return _run(pipeline, resume=resume, overwrite=overwrite)


def _run(pipeline: Pipeline, *, resume: bool, overwrite: bool) -> SegmentResult:
    make_folder(pipeline.out)
    with locked_folder(pipeline.out):
        return _run_locked(pipeline, resume=resume, overwrite=overwrite)


def _run_locked(pipeline: Pipeline, *, resume: bool, overwrite: bool) -> SegmentResult:
    """Make the folder ready and do what an earlier run there has not done."""
    out = pipeline.out
    earlier = prepare_folder(
        out,
        pipeline.record.settings,
        defaults=setting_defaults(),
        fingerprint=pipeline.fingerprint,
        resume=resume,
        overwrite=overwrite,
    )
    if earlier.record is not None:
        return _result(pipeline, RunRecord.from_json(earlier.record, str(out / RUN)))
    try:
        pipeline.record.write(out)
    except PermissionError:
        raise InputError(f"the output folder {out} cannot be written to") from None
    unfinished = earlier.state == "unfinished" and (out / STATE).is_file()
    pipeline.run(load_snapshot(out / STATE) if unfinished else None)
    return _result(pipeline, pipeline.record)


def _result(pipeline: Pipeline, record: RunRecord) -> SegmentResult:
    """Tell what the run's folder holds; what an earlier call did is in its record."""
    results = record.results
    assert results is not None  # the run has ended
    mapping = {k: v for mask in pipeline.prompts.values() for k, v in mask.mapping.items()}
    return SegmentResult(
        pipeline.out,
        results.frames,
        pipeline.computed,
        results.objects,
        pipeline.seconds,
        mapping,
        record,
    )


def _prompts(
    masks: Masks, reader: FrameReader, frames: FrameRange, rules: PromptRules
) -> dict[int, LoadedMask]:
    """Read the given masks, by frame index, and check them; one alone is the first frame's."""
    by_key: dict[int | str, MaskSource] = {}
    if isinstance(masks, Mapping):
        by_key.update(masks.items())
    elif isinstance(masks, str | Path) and is_project(Path(masks)):
        by_key.update(masks_of_project(Path(masks)))
    else:
        by_key[frames.start] = masks
    names = _frame_names(reader, frames)
    last = frames.start + frames.stride * (reader.count or 0)

    def taken(index: int) -> bool:
        return frames.takes(index) and (reader.count is None or index < last)

    by_index = masks_by_index(by_key, names, taken)
    _check_indices(by_index, frames)
    _refuse_masks_among_frames(by_index, reader)
    _refuse_masks_of_dropped_frames(by_index, reader, frames)
    _check_count(by_index, reader, frames)
    prompts = read_prompts(by_index, rules, names)
    if reader.kind not in {"camera", "stream"}:  # the first frame of those would grow old
        first = reader.peek()
        if first is not None:
            check_sizes(prompts, first.image.shape[:2], rules, frames.max_size)
            if first.index in prompts:
                refuse_frame(by_index[first.index], prompts[first.index], first.image, rules)
    return prompts


def _check_given(masks: Masks, frames: FrameRange, outputs: OutputOptions) -> None:
    """Refuse what is wrong whatever the source: no mask, and indexes that are not taken."""
    _check_pixel_size(outputs, frames)
    if isinstance(masks, Mapping):
        numbers = {key: mask for key, mask in masks.items() if isinstance(key, int)}
        _check_indices(numbers or masks, frames)


def _check_pixel_size(outputs: OutputOptions, frames: FrameRange) -> None:
    """Refuse lengths in a unit where the masks have other pixels than the source."""
    if outputs.pixel_size is not None and frames.max_size is not None:
        raise InputError(
            f"the pixel size is {outputs.pixel_size}, but a pixel of a shrunk frame (max size "
            f"{frames.max_size}) is larger than one of the source; leave out --max-size, or "
            "measure in pixels (without --pixel-size)"
        )


def _frame_names(reader: FrameReader, frames: FrameRange) -> dict[str, int]:
    """Return the index of each frame taken by its name, where frames have names of their own."""
    return {
        name: frames.start + position * frames.stride for position, name in enumerate(reader.names)
    }


def _refuse_masks_among_frames(masks: Mapping[int, Any], reader: FrameReader) -> None:
    """Refuse a mask file that was listed as a frame: it is none, and moves all that follow.

    Raises:
        InputError: there is one.
    """
    if reader.kind not in _PICTURES:
        return
    listed = reader.kind in {"folder", "glob"}
    frames = list_images(reader.source) if listed else reader.files
    paths = {path.resolve() for path in frames}
    for mask in masks.values():
        if isinstance(mask, str | Path) and Path(mask).resolve() in paths:
            raise InputError(
                f"the mask {mask} lies among the frames of {reader.source} and would be taken as "
                "one of them; move it to another folder"
            )


def _refuse_masks_of_dropped_frames(
    masks: Mapping[int, Any], reader: FrameReader, frames: FrameRange
) -> None:
    """Refuse masks for frames that may be dropped as late.

    Raises:
        InputError: there is one.
    """
    later = sorted(index for index in masks if index != frames.start)
    if reader.latest and later:
        raise InputError(
            f"masks were given for frames {later}, which may be dropped as late (--latest); give "
            "one for the first frame alone"
        )


def _check_indices(masks: Mapping[Any, Any], frames: FrameRange) -> None:
    if not masks:
        raise InputError("no mask was given; give one for the first frame")
    outside = sorted(i for i in masks if isinstance(i, int) and not frames.takes(i))
    if outside:
        raise InputError(
            f"masks were given for frames {outside}, which are not among the frames taken (start "
            f"{frames.start}, end {frames.end}, stride {frames.stride})"
        )


def _check_count(masks: Mapping[int, Any], reader: FrameReader, frames: FrameRange) -> None:
    """Refuse masks beyond the end before any work, as far as the number of frames is known."""
    beyond = sorted(i for i in masks if reader.limit is not None and i >= reader.limit)
    if beyond:
        raise InputError(
            f"masks were given for frames {beyond}, but {reader.source} has only {reader.count} "
            f"frames from {frames.start} on"
        )
