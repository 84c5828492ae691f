"""Exported files read back as masks: ids (H, W) by the frame's name."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from xml.dom.minidom import parse

import av
import cv2
import numpy as np

from vos.masks.annotation_files import read_annotations
from vos.masks.io import read_index_png, read_mask
from vos.masks.rle import masks_from_coco, masks_from_youtube_vos

Masks = dict[str, np.ndarray]


def masks_of(folder: Path) -> Masks:
    """Return the indexed PNG files of a folder."""
    return {path.stem: read_index_png(path) for path in sorted(folder.glob("*.png"))}


def read_masks(path: Path, names: list[str]) -> Masks:
    folder = _unpacked(path)
    return {name: read_index_png(folder / "masks" / f"{name}.png") for name in names}


def read_youtube_vos(path: Path, _names: list[str]) -> Masks:
    return dict(masks_from_youtube_vos(json.loads(path.read_text())))


def read_coco(path: Path, _names: list[str]) -> Masks:
    return dict(masks_from_coco(json.loads(path.read_text())))


def read_cvat(path: Path, names: list[str]) -> Masks:
    tracks = parse(str(path)).getElementsByTagName("track")
    ids = [_number(track.getAttribute("label")) for track in tracks]
    table = np.array([0, *ids, *[0] * (255 - len(ids))], np.uint8)
    return {name: table[read_annotations(path, name)[0]] for name in names}


def read_labelme(path: Path, names: list[str]) -> Masks:
    folder, masks = _unpacked(path), {}
    for name in names:
        loaded = read_mask(folder / f"{name}.json")
        table = np.zeros(256, np.uint8)
        for value, label in (loaded.labels or {}).items():
            table[value] = _number(label)
        masks[name] = table[loaded.ids]
    return masks


def read_yolo(path: Path, names: list[str], size: tuple[int, int]) -> Masks:
    """Draw the lines as Ultralytics does; the classes are the objects 1, 2, ..."""
    masks = {}
    with zipfile.ZipFile(path) as archive:
        for name in names:
            masks[name] = np.zeros(size, np.uint8)
            for line in archive.read(f"labels/train/{name}.txt").decode().splitlines():
                place, *shares = line.split()
                points = np.array(shares, np.float64).reshape(-1, 2) * size[::-1]
                cv2.fillPoly(masks[name], [points.astype(np.int32)], int(place) + 1)
    return masks


def read_cut_outs(path: Path, names: list[str]) -> Masks:
    """Return where anything is shown."""
    folder = _unpacked(path)
    pictures = {n: cv2.imread(str(folder / "alpha" / f"{n}.png"), -1) for n in names}
    return {name: (picture[..., 3] > 0).astype(np.uint8) for name, picture in pictures.items()}


def read_alpha_video(path: Path) -> list[np.ndarray]:
    """Return the alpha (H, W) of each frame."""
    with av.open(str(path)) as container:
        return [f.to_ndarray(format="rgba")[..., 3] for f in container.decode(video=0)]


def read_frames(path: Path) -> list[np.ndarray]:
    """Return the pictures (H, W, 3) of a video."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def _unpacked(path: Path) -> Path:
    folder = path.with_suffix("")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    return folder


def _number(label: str) -> int:
    """Return the id in a label such as "Object 2"."""
    return int(re.search(r"Object (\d+)", label)[1])
