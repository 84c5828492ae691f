"""What is fuzzed: readers of files that people give, with good files to start from.

A target takes bytes and reads them. It may refuse them by InputError (of an image of training
data, BrokenImageError) or OSError; anything else is a fault.
"""

import contextlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from safetensors.torch import save as save_tensors

from pretrain.sources.decode import BrokenImageError, decode, read_header
from tests.corpus import annotations, weights
from tests.corpus.containers import INTRA, video
from tests.corpus.indexed import palette_image
from tests.corpus.scene import COLOURS, IDS, coloured, picture, png
from tests.corpus.video_files import FRAGMENTS
from vos.backbones.checkpoints import load_checkpoint
from vos.datasets.loading import load_dataset
from vos.errors import InputError
from vos.masks.io import read_mask
from vos.masks.rle import (
    RleTracks,
    decode_rle,
    encode_rle,
    masks_from_coco,
    masks_from_youtube_vos,
)
from vos.segmentation.batch import read_batch
from vos.video.images import read_image
from vos.video.reader import open_frames

REFUSALS = (InputError, OSError, BrokenImageError)
_FRAMES = 32


@dataclass(frozen=True)
class Target:
    """A reader under test."""

    name: str
    read: Callable[[bytes, Path], object]
    """Reads these bytes; the folder is for files."""
    seeds: Callable[[], list[bytes]]
    """Makes good inputs."""
    is_json: bool = False
    """Values inside the document are changed as well as bytes."""
    refusals: tuple[type[Exception], ...] = field(default=REFUSALS)


def _written(suffix: str) -> Callable[[bytes, Path], Path]:
    def write(data: bytes, folder: Path) -> Path:
        path = folder / f"input{suffix}"
        path.write_bytes(data)
        return path

    return write


def _mask(data: bytes, folder: Path) -> None:
    suffix = ".npy" if data[:6] == b"\x93NUMPY" else ".png"
    path = _written(suffix)(data, folder)
    with contextlib.suppress(InputError):
        read_mask(path, snap=True)
    read_mask(path)


def _mask_seeds() -> list[bytes]:
    forms = [("PNG", IDS), ("PNG", palette_image(IDS, COLOURS)), ("PNG", IDS.astype(np.uint16)),
             ("PNG", coloured(IDS)), ("GIF", palette_image(IDS, COLOURS)), ("BMP", IDS),
             ("TIFF", IDS), ("WEBP", coloured(IDS)), ("JPEG", coloured(IDS))]  # fmt: skip
    return [_by_pillow(image, form) for form, image in forms] + [_array(IDS)]


def _by_pillow(image: object, form: str) -> bytes:
    from PIL import Image

    data = io.BytesIO()
    made = image if isinstance(image, Image.Image) else Image.fromarray(np.asarray(image))
    made.save(data, form)
    return data.getvalue()


def _array(array: np.ndarray) -> bytes:
    data = io.BytesIO()
    np.save(data, array)
    return data.getvalue()


def _checkpoint(data: bytes, folder: Path) -> None:
    path = _written(".pth")(data, folder)
    _ = load_checkpoint(path).vit


def _safetensors(data: bytes, folder: Path) -> None:
    path = _written(".safetensors")(data, folder)
    _ = load_checkpoint(path).vit


def _saved(content: object, **options: bool) -> bytes:
    data = io.BytesIO()
    torch.save(content, data, **options)
    return data.getvalue()


def _small_state() -> dict[str, torch.Tensor]:
    return weights.state(8, 1)


def _checkpoint_seeds() -> list[bytes]:
    full = {"teacher": weights.prefixed("backbone.", _small_state()), "epoch": 1}
    return [_saved(_small_state()), _saved(full),
            _saved(_small_state(), _use_new_zipfile_serialization=False)]  # fmt: skip


def _picture(data: bytes, folder: Path) -> None:
    path = _written(".jpg")(data, folder)
    read_image(path)


def _training_picture(data: bytes, folder: Path) -> None:
    header = read_header(data)
    decode(data, header)
    decode(data, header, 2)


def _picture_seeds() -> list[bytes]:
    forms = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
    deep = cv2.imencode(".png", picture(0).astype(np.uint16) * 257)[1].tobytes()
    return [_by_pillow(picture(0), form) for form in forms] + [deep]


def _video(data: bytes, folder: Path) -> None:
    path = _written(".mp4")(data, folder)
    with open_frames(path) as frames:
        for _ in islice(frames, _FRAMES):
            pass


def _video_seeds() -> list[bytes]:
    return [video(count=4), video("matroska", count=4), video("avi", codec="mjpeg", count=4),
            video("webm", codec="libvpx-vp9", count=4), video("gif", codec="gif", count=4),
            video(codec="libx265", count=4), video("mpegts", count=4),
            video(count=4, container=FRAGMENTS, options=INTRA)]  # fmt: skip


def _pages(data: bytes, folder: Path) -> None:
    path = _written(".tif")(data, folder)
    with open_frames(path) as frames:
        for _ in islice(frames, _FRAMES):
            pass


def _page_seeds() -> list[bytes]:
    images = [Image.fromarray(picture(number)) for number in range(3)]
    seeds = []
    for form, options in (("TIFF", {}), ("TIFF", {"big_tiff": True}), ("WEBP", {}), ("GIF", {}),
                          ("PNG", {})):  # fmt: skip
        buffer = io.BytesIO()
        images[0].save(buffer, form, save_all=True, append_images=images[1:], **options)
        seeds.append(buffer.getvalue())
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"{number}.png", png(number))
    return [*seeds, buffer.getvalue()]


def _list(data: bytes, folder: Path) -> None:
    read_batch(_written(".csv")(data, folder))


def _list_seeds() -> list[bytes]:
    text = 'video,mask,output\na.mp4,a.png,out/a\n"b, c",0:b.png; 5:c.png,out/b\n'
    return [text.encode(), text.replace("\n", "\r\n").encode("utf-8-sig"), text.encode("utf-16")]


def _coco(data: bytes, folder: Path) -> None:
    masks_from_coco(_document(data))


def _tracks(data: bytes, folder: Path) -> None:
    masks_from_youtube_vos(_document(data))


def _code(data: bytes, folder: Path) -> None:
    decode_rle(_document(data))


def _document(data: bytes) -> dict[str, object]:
    """Parse JSON, as a caller of the readers does."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError("not JSON") from error
    if not isinstance(document, dict):
        raise InputError("no object")
    return document


def _coco_seeds() -> list[bytes]:
    document = annotations.coco([dict(encode_rle(number == IDS)) for number in (1, 2)])
    for note in document["annotations"]:
        note["track_id"] = note["id"]
    return [json.dumps(document).encode()]


def _track_seeds() -> list[bytes]:
    tracks = RleTracks()
    for name in ("00000", "00001"):
        tracks.add(name, IDS)
    return [json.dumps(tracks.youtube_vos("clip")).encode()]


def _code_seeds() -> list[bytes]:
    runs = {"size": [4, 5], "counts": [3, 7, 10]}
    return [json.dumps(encode_rle(IDS == 1)).encode(), json.dumps(runs).encode()]


def _meta(data: bytes, folder: Path) -> None:
    split = folder / "valid"
    (split / "Annotations" / "goat").mkdir(parents=True, exist_ok=True)
    (split / "JPEGImages" / "goat").mkdir(parents=True, exist_ok=True)
    (split / "Annotations" / "goat" / "00000.png").write_bytes(_MASK)
    (split / "meta.json").write_bytes(data)
    for sequence in load_dataset(folder, "valid", images=False).sequences:
        _ = sequence.prompts


def _meta_seeds() -> list[bytes]:
    objects = {"1": {"category": "goat", "frames": ["00000", "00005"]}}
    return [json.dumps({"videos": {"goat": {"objects": objects}}}).encode()]


_MASK = _by_pillow(IDS, "PNG")
TARGETS = {
    target.name: target
    for target in (
        Target("mask", _mask, _mask_seeds),
        Target("checkpoint", _checkpoint, _checkpoint_seeds),
        Target("safetensors", _safetensors, lambda: [save_tensors(_small_state())]),
        Target("picture", _picture, _picture_seeds),
        Target("training-picture", _training_picture, _picture_seeds),
        Target("video", _video, _video_seeds),
        Target("pages", _pages, _page_seeds),
        Target("list", _list, _list_seeds),
        Target("coco", _coco, _coco_seeds, is_json=True),
        Target("youtube-vos", _tracks, _track_seeds, is_json=True),
        Target("code", _code, _code_seeds, is_json=True),
        Target("meta", _meta, _meta_seeds, is_json=True),
    )
}
