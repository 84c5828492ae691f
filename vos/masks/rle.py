"""Masks as run-length codes in JSON: the video form of YouTube-VOS/VIS and COCO annotations.

The codes are those of pycocotools (T.-Y. Lin et al., COCO, arXiv 1405.0312). The video form is
that of L. Yang et al., Video Instance Segmentation (arXiv 1905.04804): one track per object
with a code per frame, null where the object is not in it. Void is not stored: it comes back as
background.

Shape letters: T frames, H W pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from vos.errors import InputError
from vos.masks.ids import MAX_ID, object_ids

Rle = dict[str, Any]
_SUFFIX = ".png"
_MOST_PIXELS = 1 << 28
"""A picture of more is taken for damage: it would fill the memory."""
_CATEGORIES = [{"id": 1, "name": "object"}]


def encode_rle(inside: NDArray[np.bool_]) -> Rle:
    """Encode a map (H, W) of bool as {"size": [H, W], "counts": text}."""
    code = coco.encode(np.asfortranarray(inside.astype(np.uint8)))
    height, width = code["size"]
    return {"size": [int(height), int(width)], "counts": code["counts"].decode("ascii")}


def decode_rle(code: Rle) -> NDArray[np.bool_]:
    """Decode what `encode_rle` gave, or COCO's list of run lengths, to a map (H, W) of bool.

    Raises:
        InputError: the code has no size or counts, or they do not fit each other, or the size is
            not that of a picture.
    """
    try:
        height, width = _checked_size(*code["size"])
        runs = _runs(code["counts"])
        if min(runs, default=0) < 0 or sum(runs) != height * width:
            raise ValueError(f"runs of {sum(runs)} pixels for {height}x{width}")
        # pycocotools would leave what damaged codes do not fill as it lay in memory.
        inside = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
        return np.ascontiguousarray(inside.reshape(width, height).T)  # runs go down the columns
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"not a run-length code of a mask ({error!r})") from error


def _runs(counts: Any) -> list[int]:
    """Return the lengths of the runs, the first outside, from COCO's list or its text.

    The text has five bits of a number in each letter, the lowest first, with one more bit for
    "goes on"; from the fourth number on, what is coded is the difference to the last but one.
    """
    if isinstance(counts, Sequence) and not isinstance(counts, str | bytes):
        return [_whole(run) for run in counts]
    text = counts.encode("ascii") if isinstance(counts, str) else counts
    runs: list[int] = []
    number = shift = 0
    for letter in text:
        bits = letter - 48
        if not 0 <= bits < 64 or shift > 60:
            raise ValueError(f"a letter {chr(letter)!r} that is of no code")
        number |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            signed = number - (1 << shift) if bits & 16 else number
            runs.append(signed + (runs[-2] if len(runs) > 2 else 0))
            number = shift = 0
    if shift:
        raise ValueError("a code that is cut short")
    return runs


def _whole(value: Any) -> int:
    """Take a whole number, also one that JSON has as 96.0; nothing is rounded."""
    number = int(value)
    if number != value:
        raise ValueError(f"{value!r} is no whole number")
    return number


def _checked_size(height: Any, width: Any) -> tuple[int, int]:
    """Return height and width as whole numbers that a picture can have."""
    size = _whole(height), _whole(width)
    if min(size) < 1 or size[0] * size[1] > _MOST_PIXELS:
        raise ValueError(
            f"a size of {size[0]}x{size[1]}; expected sides of 1 or more, and at most "
            f"{_MOST_PIXELS} pixels"
        )
    return size


class RleTracks:
    """The masks of one video as run-length codes, gathered frame by frame.

    It holds codes alone, a few hundred bytes a frame and object.
    """

    def __init__(self) -> None:
        self._names: list[str] = []
        self._size: tuple[int, int] | None = None
        self._codes: dict[int, dict[int, Rle]] = {}  # object id -> frame position -> code

    def add(self, name: str, ids: NDArray[np.uint8]) -> None:
        """Add the mask (H, W) of the next frame.

        Raises:
            ValueError: its size is not that of the frames before.
        """
        height, width = ids.shape
        if self._size not in (None, (height, width)):
            raise ValueError(f"frame {name} is {ids.shape}, the frames before it {self._size}")
        self._size = (height, width)
        for object_id in object_ids(ids):
            track = self._codes.setdefault(object_id, {})
            track[len(self._names)] = encode_rle(ids == object_id)
        self._names.append(name)

    def youtube_vos(self, video: str) -> dict[str, Any]:
        """Return the video form: videos, and a track with T codes for each object."""
        height, width = self._size or (0, 0)
        frames = range(len(self._names))
        tracks = []
        for object_id, codes in sorted(self._codes.items()):
            tracks.append(
                {
                    "id": object_id,
                    "video_id": 1,
                    "category_id": 1,
                    "iscrowd": 0,
                    "height": height,
                    "width": width,
                    "segmentations": [codes.get(t) for t in frames],
                    "bboxes": [_box(codes[t]) if t in codes else None for t in frames],
                    "areas": [_area(codes[t]) if t in codes else None for t in frames],
                }
            )
        entry = {
            "id": 1,
            "name": video,
            "height": height,
            "width": width,
            "length": len(self._names),
            "file_names": list(self._names),
        }
        return {"videos": [entry], "annotations": tracks, "categories": _CATEGORIES}

    def coco(self) -> dict[str, Any]:
        """Return COCO annotations: an image per frame, an annotation per object in it.

        `track_id` is the object id; `file_name` is the name given to `add` with `.png` after it,
        which is the file of the mask.
        """
        height, width = self._size or (0, 0)
        images = [
            {"id": t + 1, "file_name": name + _SUFFIX, "height": height, "width": width}
            for t, name in enumerate(self._names)
        ]
        annotations: list[dict[str, Any]] = []
        for t in range(len(self._names)):
            for object_id, codes in sorted(self._codes.items()):
                if t in codes:
                    annotations.append(
                        {
                            "id": len(annotations) + 1,
                            "image_id": t + 1,
                            "category_id": 1,
                            "track_id": object_id,
                            "iscrowd": 0,
                            "segmentation": codes[t],
                            "bbox": _box(codes[t]),
                            "area": _area(codes[t]),
                        }
                    )
        return {"images": images, "annotations": annotations, "categories": _CATEGORIES}


def _box(code: Rle) -> list[float]:
    """Return left, top, width and height of a coded mask."""
    return [float(side) for side in coco.toBbox(code)]


def _area(code: Rle) -> int:
    return int(coco.area(code))


def _paint(ids: NDArray[np.uint8], code: Rle, object_id: int) -> None:
    if not 1 <= object_id <= MAX_ID:
        raise InputError(f"object {object_id} of the codes: a mask holds ids from 1 to {MAX_ID}")
    inside = decode_rle(code)
    if inside.shape != ids.shape:
        raise InputError(f"a code of {inside.shape} in a video of {ids.shape} (height, width)")
    ids[inside] = object_id


def masks_from_youtube_vos(document: Mapping[str, Any]) -> dict[str, NDArray[np.uint8]]:
    """Read the masks (H, W) of the one video of a document in video form, by frame name.

    Where tracks overlap, the one with the higher id is on top.

    Raises:
        InputError: the document has not this form, or not one video.
    """
    try:
        (video,) = document["videos"]
        frames = [str(name) for name in video["file_names"]]
        size = _checked_size(video["height"], video["width"]) if frames else (0, 0)
        masks = {name: np.zeros(size, np.uint8) for name in frames}
        for track in sorted(document["annotations"], key=lambda track: int(track["id"])):
            for ids, code in zip(masks.values(), track["segmentations"], strict=True):
                if code is not None:
                    _paint(ids, code, int(track["id"]))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"not one video with its tracks of codes ({error!r})") from error
    return masks


def masks_from_coco(document: Mapping[str, Any]) -> dict[str, NDArray[np.uint8]]:
    """Read the masks (H, W) of COCO annotations with `track_id`, by `file_name` without `.png`.

    Where objects overlap, the one with the higher id is on top.

    Raises:
        InputError: the document has not this form.
    """
    try:
        images = document["images"]
        names = {image["id"]: str(image["file_name"]).removesuffix(_SUFFIX) for image in images}
        masks = {
            names[image["id"]]: np.zeros(_checked_size(image["height"], image["width"]), np.uint8)
            for image in images
        }
        for entry in sorted(document["annotations"], key=lambda entry: int(entry["track_id"])):
            _paint(masks[names[entry["image_id"]]], entry["segmentation"], int(entry["track_id"]))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"not COCO annotations with track_id ({error!r})") from error
    return masks
