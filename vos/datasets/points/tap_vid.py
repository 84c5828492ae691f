"""TAP-Vid: any points of a video, their tracks, and where they are occluded.

C. Doersch et al., "TAP-Vid: A Benchmark for Tracking Any Point in a Video", NeurIPS 2022 (arXiv
2211.03726). Its DAVIS set is one pickle, tapvid_davis.pkl: name -> {video, points, occluded}. Plain
folders of the same contents are read too, one for each video:

    <video>/*.jpg                          frames (or <video>/frames/*.jpg)
    <video>/points.npz or points.json      points and occluded
    <video>.npz                            in place of a folder: video, points and occluded

points are (N, T, 2), x and y as shares of the width and height; occluded is (N, T); video is uint8
(T, H, W, 3).

Shape letters: T frames, N points, H W pixels.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vos.datasets.dataset import chosen_names, incomplete
from vos.datasets.plain_pickle import load_plain_pickle
from vos.datasets.points.point_video import (
    Frame,
    PointDataset,
    PointVideo,
    frame_files,
    picture_size,
)
from vos.errors import InputError
from vos.files import natural_key, shortened

_MARGIN = 0.05  # of the frame; a visible point further outside is no share of it
_KEYS = ("points", "occluded")
_FORM = "expected name -> {video: uint8 (T, H, W, 3), points: (N, T, 2), occluded: (N, T)}"


def open_tap_vid(root: str | Path, *, sequences: tuple[str, ...] = ()) -> PointDataset[PointVideo]:
    """Open TAP-Vid: all of its videos, or the wanted ones.

    Positions are shares of the frame times its width and height; no half pixel is taken off.

    Args:
        root: the pickle, the folder that it lies in, or a folder of videos.
        sequences: names of videos.

    Raises:
        InputError: something is missing or of another form (the message lists all of it), or the
            pickle asks for anything but arrays.
    """
    path = _source(Path(root))
    contents = _pickled(path) if path.is_file() else None
    listed = _names_in(path) if contents is None else list(contents)
    videos, problems = [], []
    for name in chosen_names(listed, sequences, str(path)):
        try:
            if contents is None:
                videos.append(_from_folder(name, path))
            else:
                videos.append(_from_arrays(name, contents.pop(name)))
        except InputError as error:
            problems.append(f"{name}: {error}")
    if problems:
        raise incomplete(f"{path}: TAP-Vid is not complete", problems, "TAP-Vid")
    return PointDataset("TAP-Vid", path, path.stem, tuple(videos))


def _source(root: Path) -> Path:
    """Return the pickle or the folder of videos."""
    if not root.exists():
        raise InputError(f"{root}: no such file or folder. Give tapvid_davis.pkl, or its folder.")
    pickles = sorted(root.glob("*.pkl")) if root.is_dir() else []
    if len(pickles) > 1:
        raise InputError(
            f"{root}: several pickles ({shortened(p.name for p in pickles)}); give one"
        )
    return pickles[0] if pickles else root


def _pickled(path: Path) -> dict[str, Any]:
    """Read the videos of a pickle, a dict or (TAP-Vid's other sets) a list."""
    contents = load_plain_pickle(path)
    if isinstance(contents, list):
        contents = {f"{number:05d}": video for number, video in enumerate(contents)}
    if not isinstance(contents, dict) or not contents:
        raise InputError(f"{path}: holds a {type(contents).__name__}; {_FORM}")
    names = [str(name) for name in contents]
    if bad := [n for n in names if n in {"", ".", ".."} or "/" in n or "\\" in n]:
        raise InputError(f"{path}: videos named {shortened(bad)}; expected names without folders")
    return dict(zip(names, contents.values(), strict=True))


def _names_in(root: Path) -> list[str]:
    """List the videos of a folder."""
    names = {path.stem for path in root.glob("*.npz") if path.name[0] != "."}
    names |= {path.parent.name for path in root.glob("*/points.*") if path.name[0] != "."}
    if not names:
        absent = f"no pickle, no <video>.npz and no <video>/points.npz or points.json in {root}"
        raise incomplete(f"{root}: TAP-Vid is not complete", [absent], "TAP-Vid")
    return sorted(names, key=natural_key)


def _from_folder(name: str, root: Path) -> PointVideo:
    """Read a video from <video>.npz or <video>/points.*."""
    inner = root / name
    candidates = (root / f"{name}.npz", inner / "points.npz", inner / "points.json")
    path = next((p for p in candidates if p.is_file()), None)
    if path is None:
        raise InputError(f"no file {candidates[0]}, {candidates[1].name} or {candidates[2].name}")
    contents = _read_json(path) if path.suffix == ".json" else _read_npz(path)
    if "video" in contents:
        return _from_arrays(name, contents)
    frames = frame_files(inner / "frames") or frame_files(inner)
    if not frames:
        raise InputError(f"no frames in {inner} or {inner / 'frames'}, and no `video` in {path}")
    return _checked(name, frames, picture_size(frames[0]), contents)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        contents = json.loads(path.read_text(encoding="utf-8"))
        return {key: np.asarray(contents[key]) for key in _KEYS}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            f"{path}: expected JSON of {{points: N x T x 2, occluded: N x T}} ({error!r})"
        ) from None


def _read_npz(path: Path) -> dict[str, Any]:
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {key: stored[key] for key in stored.files if key in (*_KEYS, "video")}
    except Exception as error:  # a damaged file may fail in any way
        raise InputError(f"{path} cannot be read as an .npz of arrays ({error})") from None


def _from_arrays(name: str, contents: Any) -> PointVideo:
    """Take a video whose frames are an array too."""
    if not isinstance(contents, Mapping) or "video" not in contents:
        raise InputError(f"has no `video`; {_FORM}")
    video = contents["video"]
    shaped = isinstance(video, np.ndarray) and video.dtype == np.uint8 and video.ndim == 4
    if not shaped or video.shape[3] != 3 or not video.size:
        shape = getattr(video, "shape", type(video).__name__)
        raise InputError(f"video is {shape} of {getattr(video, 'dtype', '?')}; {_FORM}")
    return _checked(name, video, (video.shape[2], video.shape[1]), contents)


def _checked(
    name: str, frames: Sequence[Frame], size: tuple[int, int], contents: Mapping[str, Any]
) -> PointVideo:
    """Make a video of its frames and the arrays `points` and `occluded`."""
    if lacking := [key for key in _KEYS if key not in contents]:
        raise InputError(f"has no {' and no '.join(lacking)}; {_FORM}")
    points, occluded = (np.asarray(contents[key]) for key in _KEYS)
    count = len(frames)
    if points.ndim != 3 or points.shape[1:] != (count, 2) or points.dtype.kind not in "iuf":
        raise InputError(
            f"points have shape {points.shape} of {points.dtype}; expected (N, {count}, 2) numbers "
            f"for {count} frames"
        )
    if occluded.shape != points.shape[:2] or occluded.dtype.kind not in "biuf":
        raise InputError(f"occluded has shape {occluded.shape}; expected {points.shape[:2]}")
    visible = ~occluded.astype(bool)
    if not visible.any():
        raise InputError("no point is visible in any frame, so there is nothing to track")
    inside = ((points >= -_MARGIN) & (points <= 1 + _MARGIN)).all(-1)  # NaN is not inside
    if (visible & ~inside).any():
        number, t = np.argwhere(visible & ~inside)[0]
        place = tuple(points[number, t].tolist())
        raise InputError(
            f"point {number} is visible in frame {t} at (x, y) {place}, "
            "outside of the frame; expected shares of width and height, 0 to 1, not pixels"
        )
    positions = points.transpose(1, 0, 2).astype(np.float64) * size  # (N, T, 2) -> (T, N, 2)
    return PointVideo(name, frames, size, positions, np.ascontiguousarray(visible.T))
