"""Files as version 0.1 wrote them: runs of `vos segment` and `vos-bench davis`, a feature cache.

Nothing here calls the project: what a later version adds to its formats cannot come in. Values
that a network computed, and the keys of the JSON files, were recorded from the code of version
0.1 (commit cc59da4) in `version_0_1/`.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

HEIGHT, WIDTH, PATCH, DIM = 48, 64, 8, 64
GRID = (HEIGHT // PATCH, WIDTH // PATCH)
FRAMES = 8
STOP = 5
"""Frames with a mask when the run was stopped."""
SEQUENCES = {"bear": 5, "crow": 4}
"""Frames of each sequence of the DAVIS folder; the run was stopped in the second."""
CACHE_IDENTITY = "b80f8877f746e28c"
"""The folder of the network's entries in the feature cache."""
_MEAN, _STD = (0.485, 0.456, 0.406), (0.228, 0.224, 0.225)
_RECORDED = Path(__file__).with_name("version_0_1")


def recorded(name: str) -> Any:
    """Return the contents of a JSON file that was recorded from version 0.1."""
    return json.loads((_RECORDED / f"{name}.json").read_text(encoding="utf-8"))


def sha256(data: bytes | memoryview) -> str:
    """Return a SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON as version 0.1 laid it out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


# --- clip, masks, network


def true_mask(number: int) -> np.ndarray:
    """Return frame `number`'s objects, (H, W) uint8: 1 drifts right, 2 drifts left."""
    ids = np.zeros((HEIGHT, WIDTH), np.uint8)
    ids[0:16, 4 * number : 4 * number + 24] = 1
    ids[24:48, 36 - 4 * number : 60 - 4 * number] = 2
    return ids


def picture(number: int) -> np.ndarray:
    """Return frame `number`, (H, W, 3) uint8 RGB: flat objects over a ground, all textured."""
    rows, columns, channels = np.mgrid[:HEIGHT, :WIDTH, :3]
    texture = (rows * 7 + columns * 3 + channels * 5 + number) * (columns + 2 * rows + 1) % 17
    colours = np.array([(40, 90, 60), (220, 30, 40), (30, 60, 230)])
    return (colours[true_mask(number)] + texture).astype(np.uint8)


def write_mask(path: Path, ids: np.ndarray) -> None:
    """Write a mask as an indexed PNG with the DAVIS palette."""
    numbers = np.arange(256)
    palette = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        place, channel = divmod(bit, 3)
        palette[:, channel] |= (((numbers >> bit) & 1) << (7 - place)).astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(ids)).convert("L")
    image.putpalette(palette.tobytes())
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, format="PNG", compress_level=1)


def write_pictures(folder: Path, count: int = FRAMES) -> Path:
    """Write the clip as PNG pictures 00000.png, 00001.png, ..."""
    folder.mkdir(parents=True)
    for number in range(count):
        Image.fromarray(picture(number)).save(folder / f"{number:05d}.png")
    return folder


def vit_state() -> dict[str, torch.Tensor]:
    """Return the weights of a ViT with one block, from a formula that is exact everywhere."""
    shapes = {
        "cls_token": (1, 1, DIM),
        "pos_embed": (1, 5, DIM),
        "patch_embed.proj.weight": (DIM, 3, PATCH, PATCH),
        "patch_embed.proj.bias": (DIM,),
        "blocks.0.norm1.weight": (DIM,),
        "blocks.0.norm1.bias": (DIM,),
        "blocks.0.attn.qkv.weight": (3 * DIM, DIM),
        "blocks.0.attn.qkv.bias": (3 * DIM,),
        "blocks.0.attn.proj.weight": (DIM, DIM),
        "blocks.0.attn.proj.bias": (DIM,),
        "blocks.0.norm2.weight": (DIM,),
        "blocks.0.norm2.bias": (DIM,),
        "blocks.0.mlp.fc1.weight": (4 * DIM, DIM),
        "blocks.0.mlp.fc1.bias": (4 * DIM,),
        "blocks.0.mlp.fc2.weight": (DIM, 4 * DIM),
        "blocks.0.mlp.fc2.bias": (DIM,),
        "norm.weight": (DIM,),
        "norm.bias": (DIM,),
    }
    return {name: _values(name, shape, seed) for seed, (name, shape) in enumerate(shapes.items())}


def _values(name: str, shape: tuple[int, ...], seed: int) -> torch.Tensor:
    if "norm" in name:
        return torch.full(shape, 1.0 if name.endswith("weight") else 0.0)
    waves = np.sin(np.arange(np.prod(shape)) * 12.9898 + seed)
    return torch.from_numpy((np.round(waves * 512) / 8192).astype(np.float32)).reshape(shape)


def write_weights(path: Path) -> Path:
    """Write the ViT as a plain state dict."""
    torch.save(vit_state(), path)
    return path


# --- a run of `vos segment`


def segment_record(source: Path, mask: Path, weights: Path, state: str) -> dict[str, Any]:
    """Return `run.json` of a run in the state `stopped` or `complete`."""
    record: dict[str, Any] = copy.deepcopy(recorded("segment_run"))
    settings = record["settings"]
    settings["source"] = str(source)
    settings["masks"]["0"]["sha256"] = sha256(true_mask(0).tobytes())
    settings["backbone"] |= {"source": str(weights), "sha256": sha256(weights.read_bytes())}
    record["state"] = state
    record["command"] = ["vos", "segment", str(source), "--mask", str(mask)]
    count = STOP if state == "stopped" else FRAMES
    record["results"] |= {"frames": count, "frames_computed": count}
    return record


def write_run(out: Path, source: Path, mask: Path, weights: Path, state: str) -> Path:
    """Write the folder of a run over the clip, `stopped` after `STOP` frames or `complete`."""
    count = STOP if state == "stopped" else FRAMES
    for number, ids in enumerate(predicted_masks()[:count]):
        write_mask(out / "masks" / f"{number:05d}.png", ids)
    if state == "stopped":
        write_snapshot(out / "state.safetensors")
    write_json(out / "run.json", segment_record(source, mask, weights, state))
    return out


def predicted_masks() -> list[np.ndarray]:
    """Return the masks (H, W) that version 0.1 computed for the clip, as run lengths tell them."""
    masks = []
    for runs in recorded("segment_results")["masks"]:
        ids, lengths = np.array(runs).reshape(-1, 2).T
        masks.append(np.repeat(ids, lengths).astype(np.uint8).reshape(HEIGHT, WIDTH))
    return masks


def write_snapshot(path: Path) -> Path:
    """Write the state after `STOP` frames: labels as computed by version 0.1."""
    results = recorded("segment_results")
    tensors = {
        name: torch.from_numpy(np.frombuffer(base64.b64decode(text), np.float32).copy()).view(-1, 3)
        for name, text in results["labels"].items()
    }
    save_file(tensors, path, metadata={"snapshot": json.dumps(results["snapshot"])})
    return path


# --- a feature cache


def write_cache(folder: Path, images: Iterable[np.ndarray], maps: Iterable[torch.Tensor]) -> Path:
    """Write the entries of frames (H, W, 3), with features (D, h, w) float32."""
    identity = _cache_identity()
    for image, features in zip(images, maps, strict=True):
        pixels = _network_input(image)
        digest = hashlib.sha256(identity.encode())
        digest.update(repr((tuple(pixels.shape), pixels.dtype)).encode())
        digest.update(pixels.contiguous().numpy().tobytes())
        key = digest.hexdigest()
        path = folder / identity[:16] / key[:2] / f"{key}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        values = features.contiguous()
        header = {"key": key, "sha256": sha256(values.numpy().tobytes())}
        save_file({"features": values}, path, metadata=header)
    return folder


def _cache_identity() -> str:
    about = {
        "format": 1,
        "network": "VisionTransformer",
        "name": "vit_64x1_patch8",
        "stride": PATCH,
        "dim": DIM,
        "computed_in": "fp32",
        "computed_on": "cpu",
        "stored_in": "fp32",
    }
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for name, values in sorted(vit_state().items()):
        digest.update(f"{name} {tuple(values.shape)} {values.dtype}".encode())
        digest.update(values.numpy().tobytes())
    return digest.hexdigest()


def _network_input(image: np.ndarray) -> torch.Tensor:
    pixels = torch.from_numpy(image).permute(2, 0, 1).float().div_(255)
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (_MEAN, _STD))
    return pixels.sub_(mean).div_(std)


# --- a run of `vos-bench davis`


def write_davis(root: Path) -> Path:
    """Write a DAVIS 2017 folder of the sequences, with all masks."""
    for name, length in SEQUENCES.items():
        write_pictures(root / "JPEGImages" / "480p" / name, length)
        for number in range(length):
            path = root / "Annotations" / "480p" / name / f"{number:05d}.png"
            write_mask(path, true_mask(number))
    listing = root / "ImageSets" / "2017" / "val.txt"
    listing.parent.mkdir(parents=True)
    listing.write_text("\n".join(SEQUENCES) + "\n", encoding="utf-8")
    return root


def write_davis_run(out: Path, data: Path, weights: Path, state: str) -> Path:
    """Write the folder of a run, `stopped` in the second sequence or `complete` before scoring.

    The masks of whole sequences are the true ones, so that a second run of them shows.
    """
    run = copy.deepcopy(recorded("davis_run"))
    origin = {"source": str(weights), "sha256": sha256(weights.read_bytes())}
    run["state"] = state
    run["settings"]["backbone"] |= origin
    whole = list(SEQUENCES)[: 1 if state == "stopped" else None]
    for name in whole:
        record = copy.deepcopy(recorded("davis_sequence"))
        settings = record["settings"]
        settings["source"] = str(data / "JPEGImages" / "480p" / name)
        settings["frames"]["end"] = SEQUENCES[name]
        settings["masks"]["0"]["sha256"] = sha256(true_mask(0).tobytes())
        settings["backbone"] |= origin
        count = {"frames": SEQUENCES[name], "frames_computed": SEQUENCES[name]}
        record["results"] |= count
        write_json(out / "sequences" / f"{name}.json", record)
        for number in range(SEQUENCES[name]):
            write_mask(out / "masks" / name / f"{number:05d}.png", true_mask(number))
    if state == "stopped":
        unfinished = out / "unfinished" / "crow"
        write_mask(unfinished / "masks" / "00000.png", true_mask(0))
        write_snapshot(unfinished / "state.safetensors")
        record = copy.deepcopy(recorded("segment_run"))
        write_json(unfinished / "run.json", {**record, "state": "stopped"})
    write_json(out / "run.json", run)
    return out
