"""Soft results on disk: labels as npz or 16-bit PNG, cut-outs as RGBA pictures.

Soft labels are the share of background and of each object in a pixel, as propagation gives them
(M. Caron et al., DINO, arXiv 2104.14294, evaluation on DAVIS).

Shape letters: O objects + background, H W pixels.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.errors import InputError
from vos.files import atomic_path, write_png

_LEVELS = 65535
_PNG_LEVEL = 1  # a file for each object of each frame: quick rather than small


def _checked(labels: NDArray[np.floating], objects: Sequence[int]) -> NDArray[np.floating]:
    """Return the labels if they are (O, H, W) in [0, 1] for these objects, else raise."""
    if labels.ndim != 3 or len(labels) != len(objects) + 1:
        raise ValueError(f"expected labels ({len(objects) + 1}, H, W), got {labels.shape}")
    if not (labels.min() >= 0 and labels.max() <= 1):
        raise ValueError(f"labels from {labels.min()} to {labels.max()}; expected 0 to 1")
    return labels


def write_soft_npz(path: str | Path, labels: NDArray[np.floating], objects: Sequence[int]) -> None:
    """Write soft labels (O, H, W) in [0, 1], background first, as float16 with their ids.

    The file holds `labels` (O, H, W) float16 and `objects` (O - 1) uint8.

    Raises:
        ValueError: another shape or range.
        OSError: the file cannot be written.
    """
    labels = _checked(labels, objects).astype(np.float16)
    with atomic_path(path) as beside, beside.open("wb") as handle:
        np.savez_compressed(handle, labels=labels, objects=np.array(objects, np.uint8))


def read_soft_npz(path: str | Path) -> tuple[NDArray[np.float32], tuple[int, ...]]:
    """Read soft labels (O, H, W) float32 and the object ids of channels 1, 2, ...

    Raises:
        InputError: the file is missing, damaged, or of another form.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            labels = archive["labels"].astype(np.float32)
            return labels, tuple(int(i) for i in archive["objects"])
    except (OSError, ValueError, KeyError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: not a file of soft labels ({error})") from error


def write_soft_pngs(
    folder: str | Path, name: str, labels: NDArray[np.floating], objects: Sequence[int]
) -> list[Path]:
    """Write each object's soft label as a 16-bit gray PNG, `<folder>/<id>/<name>.png`.

    Args:
        folder: where the objects' folders (001, 002, ...) are made.
        name: the frame's name.
        labels: (O, H, W) in [0, 1], background first; 1 is written as 65535.
        objects: the ids of channels 1, 2, ...

    Returns:
        The files, in the order of `objects`.

    Raises:
        ValueError: another shape or range.
        OSError: a file cannot be written.
    """
    written = []
    for object_id, label in zip(objects, _checked(labels, objects)[1:], strict=True):
        path = Path(folder) / f"{object_id:03d}" / f"{name}.png"
        levels = np.round(label.astype(np.float64) * _LEVELS).astype(np.uint16)
        write_png(path, levels, level=_PNG_LEVEL)
        written.append(path)
    return written


def read_soft_png(path: str | Path) -> NDArray[np.float32]:
    """Read one object's soft label (H, W) float32 in [0, 1] from a 16-bit gray PNG.

    Raises:
        InputError: the file is missing, damaged, or not 16-bit gray.
    """
    path = Path(path)
    data = np.frombuffer(path.read_bytes() if path.is_file() else b"", np.uint8)
    levels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    if levels is None or levels.dtype != np.uint16 or levels.ndim != 2:
        raise InputError(f"{path}: not a 16-bit gray PNG of a soft label")
    return (levels / np.float32(_LEVELS)).astype(np.float32)


def cut_out(frame: NDArray[np.uint8], opacity: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Return a frame with an alpha channel, RGBA (H, W, 4) uint8.

    Args:
        frame: RGB (H, W, 3) uint8.
        opacity: (H, W), bool, or float in [0, 1].

    Raises:
        ValueError: the two are of different sizes.
    """
    if frame.shape[:2] != opacity.shape:
        raise ValueError(f"frame {frame.shape[:2]} and opacity {opacity.shape} differ in size")
    alpha = np.round(np.clip(opacity.astype(np.float32), 0, 1) * 255).astype(np.uint8)
    return np.dstack([frame, alpha])  # (H, W, 3) and (H, W) -> (H, W, 4)


def write_alpha_png(path: str | Path, picture: NDArray[np.uint8]) -> None:
    """Write an RGBA picture (H, W, 4) uint8 as PNG, whole or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    write_png(path, picture, level=_PNG_LEVEL)
