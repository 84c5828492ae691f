"""JHMDB in its published layout: people in action, 15 joints in every frame.

H. Jhuang et al., "Towards Understanding Action Recognition", ICCV 2013.

    Rename_Images/<class>/<video>/*.png
    joint_positions/<class>/<video>/joint_positions.mat
    splits/<class>_test_split1.txt      a line a video: its name with .avi, 1 for train, 2 for test

Shape letters: T frames, N joints.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vos.datasets.dataset import chosen_names, incomplete
from vos.datasets.points.point_video import PointDataset, PointVideo, frame_files, picture_size
from vos.errors import InputError
from vos.files import shortened

Subset = Literal["test", "train"]
JOINTS = (
    "neck", "belly", "face", "right shoulder", "left shoulder", "right hip", "left hip",
    "right elbow", "left elbow", "right knee", "left knee", "right wrist", "left wrist",
    "right ankle", "left ankle",
)  # fmt: skip
SKELETON = (
    (2, 0), (0, 1), (0, 3), (0, 4), (3, 7), (4, 8), (7, 11), (8, 12), (1, 5), (1, 6), (5, 9),
    (6, 10), (9, 13), (10, 14),
)  # fmt: skip
_LABELS = {"train": "1", "test": "2"}


def open_jhmdb(
    root: str | Path, subset: Subset = "test", *, split: int = 1, sequences: tuple[str, ...] = ()
) -> PointDataset[PointVideo]:
    """Open a set of JHMDB: all of its videos, or the wanted ones ("class/video").

    A video has as many frames as its joints; pictures beyond them are left out. Positions are
    pixels from 0: the files count from 1.

    Raises:
        InputError: something is missing or of another form; the message lists all of it.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"{root}: no such folder. Give the folder of JHMDB.")
    names = chosen_names(_listed(root, subset, split), sequences, f"{root}, {subset} set")
    videos, problems = [], []
    for name in names:
        try:
            videos.append(_video(root, name))
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise incomplete(f"{root}: JHMDB, split {split}, is not complete", problems, "JHMDB")
    return PointDataset("JHMDB", root, f"split {split} {subset}", tuple(videos), JOINTS, SKELETON)


def _listed(root: Path, subset: Subset, split: int) -> list[str]:
    """Return the names "class/video" of a set."""
    lists = sorted((root / "splits").glob(f"*_test_split{split}.txt"))
    lists = [path for path in lists if path.name[0] != "."]
    if not lists:
        absent = f"no lists {root / 'splits'}/<class>_test_split{split}.txt"
        raise incomplete(f"{root}: JHMDB is not complete", [absent], "JHMDB")
    names = []
    for path in lists:
        action = path.name.removesuffix(f"_test_split{split}.txt")
        for line in path.read_text(encoding="utf-8").splitlines():
            match line.split():
                case [video, label] if label in _LABELS.values():
                    if label == _LABELS[subset]:
                        names.append(f"{action}/{video.removesuffix('.avi')}")
                case []:
                    pass
                case _:
                    raise InputError(
                        f"{path}: expected lines of a video's name and 1 (train) or 2 (test), "
                        f"got {line[:80]!r}"
                    )
    if not names:
        raise InputError(f"{root / 'splits'}: the lists of split {split} name no {subset} videos")
    return names


def _video(root: Path, name: str) -> PointVideo:
    """Read a video's joints.

    Raises:
        InputError: what is missing or wrong, in words that begin with the video's name.
    """
    frames = frame_files(root / "Rename_Images" / name)
    path = root / "joint_positions" / name / "joint_positions.mat"
    absent = [] if frames else [f"no pictures in {root / 'Rename_Images' / name}"]
    absent += [] if path.is_file() else [f"no file {path}"]
    if absent:
        raise InputError(f"{name}: {'; '.join(absent)}")
    positions = read_joint_positions(path)
    if len(positions) > len(frames):
        raise InputError(
            f"{name}: joints of {len(positions)} frames, but {len(frames)} pictures in "
            f"{root / 'Rename_Images' / name}"
        )
    frames = frames[: len(positions)]
    size = picture_size(frames[0])
    within = (positions >= -0.5) & (positions < np.array(size) - 0.5)  # (T, N, 2)
    inside = np.asarray(within.all(-1))
    if not inside[0].any():
        raise InputError(f"{name}: no joint lies inside of its first frame, so none can be tracked")
    return PointVideo(name, tuple(frames), size, positions, inside)


def read_joint_positions(path: Path) -> NDArray[np.float64]:
    """Read a joint_positions.mat: (T, 15, 2) of x and y in pixels from 0.

    Raises:
        InputError: it is missing, damaged, or holds no `pos_img` of shape (2, 15, T).
    """
    from scipy.io import loadmat

    try:
        contents: dict[str, Any] = loadmat(path, variable_names=["pos_img"])
    except FileNotFoundError:
        raise InputError(f"no file {path}") from None
    except Exception as error:  # a damaged file may fail in any way
        raise InputError(f"{path} cannot be read as a MATLAB file ({error})") from None
    if "pos_img" not in contents:
        from scipy.io import whosmat

        variables = shortened(name for name, *_ in whosmat(path)) or "none"
        raise InputError(f"{path}: no variable pos_img (variables there: {variables})")
    stored = np.asarray(contents["pos_img"])
    if stored.ndim == 2:  # MATLAB drops the last axis of a video of one frame
        stored = stored[..., None]
    expected = (2, len(JOINTS))
    if stored.shape[:2] != expected or stored.ndim != 3 or not stored.shape[2]:
        raise InputError(
            f"{path}: pos_img has shape {tuple(stored.shape)}; expected (2, {len(JOINTS)}, frames)"
        )
    if stored.dtype.kind not in "iuf" or not np.isfinite(stored).all():
        raise InputError(f"{path}: pos_img holds values that are no numbers")
    # (2, N, T) from 1 -> (T, N, 2) from 0
    return np.ascontiguousarray(stored.transpose(2, 1, 0)).astype(np.float64) - 1
