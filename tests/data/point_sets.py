"""JHMDB, VIP, BADJA and TAP-Vid made on the spot: a textured board that moves in known steps.

Positions in a frame are exact, so a tracker that works scores near 100, and one whose truth is
shuffled near 0.
"""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import cv2
import numpy as np
from scipy.io import savemat

from vos.masks.io import write_mask

STEP = (8, 6)
"""Pixels to the right and down that the board moves in each frame."""
BOARD = (120, 96)
"""Its width and height."""
START = (24, 18)


def texture(width: int, height: int, seed: int) -> np.ndarray:
    """Make a picture (H, W, 3) uint8 that is nowhere alike."""
    coarse = np.random.default_rng(seed).integers(0, 256, (height // 6 + 2, width // 6 + 2, 3))
    return cv2.resize(coarse.astype(np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)


def frame(t: int, size: tuple[int, int], seed: int) -> np.ndarray:
    """Draw frame t (H, W, 3) of a video of `size` (width, height)."""
    picture = texture(*size, seed) // 3
    left, top = START[0] + STEP[0] * t, START[1] + STEP[1] * t
    shown = picture[top : top + BOARD[1], left : left + BOARD[0]]
    shown[:] = texture(*BOARD, seed + 1)[: shown.shape[0], : shown.shape[1]]
    return picture


def moved(points: np.ndarray, count: int) -> np.ndarray:
    """Return the positions (T, N, 2) of points (N, 2) of the board."""
    steps = np.arange(count)[:, None, None] * np.array(STEP)
    return points + np.array(START) + steps


def board_points(count: int, seed: int = 0) -> np.ndarray:
    """Choose points (N, 2) of the board, on a lattice of steps, none of them twice."""
    columns, rows = (np.arange(1, side // step - 1) for side, step in zip(BOARD, STEP, strict=True))
    lattice = np.stack(np.meshgrid(columns, rows), -1).reshape(-1, 2) * STEP
    chosen = np.random.default_rng(seed).permutation(len(lattice))[:count]
    return lattice[np.sort(chosen)].astype(np.float64)


def write_frames(
    folder: Path, count: int, size: tuple[int, int], seed: int, start: int = 0
) -> None:
    """Write the frames of a video as PNG files."""
    folder.mkdir(parents=True)
    for t in range(count):
        bgr = cv2.cvtColor(frame(t, size, seed), cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(folder / f"{start + t:05d}.png"), bgr)


def make_jhmdb(root: Path, *, frames: int = 5, size: tuple[int, int] = (320, 240)) -> Path:
    """Write a JHMDB folder with two test videos and one for training."""
    labels = {"wave/first": 2, "wave/second": 2, "run/third": 1}
    for seed, name in enumerate(labels):
        write_frames(root / "Rename_Images" / name, frames, size, 10 * seed, start=1)
        joints = moved(board_points(15, seed), frames)  # (T, 15, 2) from 0
        path = root / "joint_positions" / name / "joint_positions.mat"
        path.parent.mkdir(parents=True)
        savemat(path, {"pos_img": joints.transpose(2, 1, 0) + 1})
    (root / "splits").mkdir()
    for action in ("wave", "run"):
        lines = [f"{n.split('/')[1]}.avi {k}" for n, k in labels.items() if n.startswith(action)]
        (root / "splits" / f"{action}_test_split1.txt").write_text("\n".join(lines) + "\n")
    return root


def parts_at(t: int, size: tuple[int, int]) -> np.ndarray:
    """Return the parts (H, W) uint8 of frame t: four quarters of the board."""
    parts = np.zeros(size[::-1], np.uint8)
    left, top = START[0] + STEP[0] * t, START[1] + STEP[1] * t
    half = BOARD[0] // 2, BOARD[1] // 2
    for number, (row, column) in enumerate(np.ndindex(2, 2)):
        y, x = top + row * half[1], left + column * half[0]
        parts[y : y + half[1], x : x + half[0]] = (2, 5, 13, 19)[number]
    return parts


def make_vip(root: Path, *, frames: int = 4, size: tuple[int, int] = (320, 240)) -> Path:
    """Write a VIP_Fine folder with two validation videos."""
    names = ("videos3", "videos12")
    for seed, name in enumerate(names):
        write_frames(root / "Images" / name, frames, size, 10 * seed)
        for t in range(frames):
            path = root / "Annotations" / "Category_ids" / name / f"{t:05d}.png"
            write_mask(path, parts_at(t, size))
    (root / "lists").mkdir()
    (root / "lists" / "val_videos.txt").write_text("\n".join(names) + "\n")
    return root


def make_badja(root: Path, names: tuple[str, ...], *, frames: int = 7) -> Path:
    """Write a BADJA folder with DAVIS's Full-Resolution at 320 x 240, annotated every third."""
    size = (320, 240)
    (root / "joint_annotations").mkdir(parents=True)
    for seed, name in enumerate(names):
        write_frames(root / f"DAVIS/JPEGImages/Full-Resolution/{name}", frames, size, seed, start=2)
        joints = moved(board_points(20, seed), frames)
        entries = []
        for t in range(0, frames, 3):
            mask = root / f"DAVIS/Annotations/Full-Resolution/{name}/{t + 2:05d}.png"
            write_mask(mask, (parts_at(t, size) > 0).astype(np.uint8))
            entries.append(badja_entry(name, t + 2, joints[t]))
        text = json.dumps(entries)
        (root / "joint_annotations" / f"{name}.json").write_text(text)
    return root


def badja_entry(name: str, number: int, joints: np.ndarray) -> dict[str, object]:
    """Return the entry of a frame for its 20 scored joints (20, 2) of x and y."""
    from vos.datasets.points.badja import JOINTS

    rows_columns, visible = np.zeros((37, 2), int), np.zeros(37, bool)
    rows_columns[list(JOINTS)] = joints[:, ::-1]
    visible[list(JOINTS)] = True
    place = f"Full-Resolution/{name}/{number:05d}"
    return {
        "segmentation_path": f"DAVIS/Annotations/{place}.png",
        "image_path": f"DAVIS/JPEGImages/{place}.jpg",
        "visibility": visible.tolist(),
        "joints": rows_columns.tolist(),
    }


def tap_vid_video(seed: int = 0, *, frames: int = 12, points: int = 8) -> dict[str, np.ndarray]:
    """Return a video, its points as shares of 256 x 256, and where they are occluded.

    A bar stands before the board's way: what is behind it is occluded.
    """
    size = (256, 256)
    video = np.stack([frame(t, size, seed) for t in range(frames)])
    bar = slice(150, 174)
    video[:, :, bar] = texture(24, 256, seed + 2)
    positions = moved(board_points(points, seed), frames)  # (T, N, 2)
    x, y = positions[..., 0], positions[..., 1]
    outside = (x > 255) | (y > 255)
    occluded = ((x >= bar.start) & (x < bar.stop)) | outside
    return {
        "video": video,
        "points": (positions / size).transpose(1, 0, 2).astype(np.float32),
        "occluded": occluded.T,
    }


def make_tap_vid(path: Path, names: tuple[str, ...] = ("board", "other"), **sizes: int) -> Path:
    """Write a pickle of TAP-Vid's form."""
    videos = {name: tap_vid_video(10 * seed, **sizes) for seed, name in enumerate(names)}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(videos))
    return path
