"""What the programs write, compared with a record: names of files, keys in them, digests.

The record and how to renew it are those of `test_public_surface.py`. Every file here is written by
a verb or by `vos.segment_video`, on small pictures and with small weights that are the same
anywhere; no module of the project is named beside `vos`.
"""

import inspect
import json
import os
import re
from collections import Counter
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import save_file

import vos

HEIGHT, WIDTH, FRAMES = 48, 64, 4
CHANGING = {"revision", "versions"}
"""Keys whose values depend on what is installed."""


def values(shape, number):
    """Return float32 numbers that are the same on every machine."""
    whole = (np.arange(np.prod(shape)) * (7 + number)) % 31 - 15
    return (whole / 256).astype(np.float32).reshape(shape)


def write_weights(path):
    """Write a ViT of width 64 with two blocks and patches of 8 pixels."""
    block = {"norm1": (64,), "attn.qkv": (192, 64), "attn.proj": (64, 64), "norm2": (64,)}
    block |= {"mlp.fc1": (256, 64), "mlp.fc2": (64, 256)}
    layers = {f"blocks.{n}.{name}": shape for n in (0, 1) for name, shape in block.items()}
    layers |= {"patch_embed.proj": (64, 3, 8, 8), "norm": (64,)}
    shapes = {"cls_token": (1, 1, 64), "pos_embed": (1, 17, 64)}
    for name, shape in layers.items():
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    save_file({name: values(shape, n) for n, (name, shape) in enumerate(shapes.items())}, path)


def picture(number):
    """Return a picture (H, W, 3) with two bright squares that move, and its ids (H, W)."""
    image = (np.arange(HEIGHT * WIDTH * 3).reshape(HEIGHT, WIDTH, 3) * 37 % 101).astype(np.uint8)
    ids = np.zeros((HEIGHT, WIDTH), np.uint8)
    for object_id, top in ((1, 2), (2, 26)):
        ids[top : top + 20, 4 + 2 * number : 28 + 2 * number] = object_id
        image[ids == object_id] = (250, 100 * object_id, 30)
    return image, ids


def write_picture(path, number):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture(number)[0])


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """Weights, a folder of four frames with a mask of the first one, and a DAVIS folder."""
    root = tmp_path_factory.mktemp("given")
    davis = root / "davis"
    for number in range(FRAMES):
        write_picture(root / f"frames/{number:05d}.bmp", number)  # no encoder changes a bitmap
        write_picture(davis / f"JPEGImages/480p/bear/{number:05d}.jpg", number)
        vos.write_mask(davis / f"Annotations/480p/bear/{number:05d}.png", picture(number)[1])
    (davis / "ImageSets/2017").mkdir(parents=True)
    (davis / "ImageSets/2017/val.txt").write_text("bear\n")
    write_weights(root / "tiny.safetensors")
    mask = davis / "Annotations/480p/bear/00000.png"
    use = ("--weights", root / "tiny.safetensors", "--device", "cpu", "--precision", "fp32")
    return SimpleNamespace(frames=root / "frames", mask=mask, davis=davis, use=use)


# --- what files hold


def names_in(folder):
    """List the files of a folder, without what differs from run to run."""
    named = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    return [re.sub(r"tfevents\..*|[0-9a-f]{16,}", lambda m: "*", name) for name in named]


def keys_in(value, path=""):
    """Yield the dotted names of all keys in what a JSON file holds."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield f"{path}{key}"
            yield from () if key in CHANGING else keys_in(inner, f"{path}{key}.")
    for inner in value if isinstance(value, list) else ():
        yield from keys_in(inner, f"{path}[].")


def keys_of(path):
    lines = path.read_text(encoding="utf-8").splitlines() if path.suffix == ".jsonl" else None
    held = json.loads(path.read_text(encoding="utf-8")) if lines is None else None
    documents = [held] if lines is None else [json.loads(line) for line in lines]
    return sorted({key for document in documents for key in keys_in(document)})


def header_of(path, texts=()):
    """List the keys of a safetensors header and its tensors; `texts` hold JSON."""
    with safe_open(path, framework="np") as handle:
        header, tensors = handle.metadata() or {}, list(handle.keys())
    inner = [f"{t}: {key}" for t in texts for key in sorted(set(keys_in(json.loads(header[t]))))]
    return [*sorted(header), *inner, *tensor_lines(tensors)]


def tensor_lines(tensors):
    counted = Counter(re.sub(r"\d+", "N", name) for name in tensors)
    return [f"tensor {name}, {count} of them" for name, count in sorted(counted.items())]


def checkpoint_lines(path):
    held = torch.load(path, weights_only=False)
    inner = {"extras": sorted(held["extras"]), "args": sorted(vars(held["args"]))}
    inner |= {name: tensor_lines(held[name]) for name in ("student", "teacher", "dino_loss")}
    return [*sorted(held), *(f"{key}: {line}" for key, lines in inner.items() for line in lines)]


# --- vos


def test_a_run_of_segment(given, tmp_path, run_program, assert_recorded):
    out = tmp_path / "whole"
    extra = ("--soft", "npz", "--rle", "coco", "--alpha", "video", "--short-side", 0)
    run_program("vos", "segment", given.frames, "--mask", given.mask, "-o", out, *given.use, *extra)
    sections = {"files": names_in(out), "run.json": keys_of(out / "run.json")}
    sections["rle.json"] = keys_of(out / "rle.json")
    assert_recorded("vos segment, complete", sections)


def test_a_stopped_run_of_segment(given, tmp_path, assert_recorded):
    def stop(done, _total):
        if done == 2:
            raise KeyboardInterrupt

    outputs = vos.OutputOptions(soft="png", rle="youtube-vos", alpha="png")
    backbone = vos.load_backbone(weights=given.use[1], device="cpu", precision="fp32")
    with pytest.raises(KeyboardInterrupt):
        vos.segment_video(
            given.frames,
            given.mask,
            tmp_path,
            backbone=backbone,
            outputs=outputs,
            on_frame=stop,
            config=vos.PropagationConfig(short_side=0),
        )
    sections = {"files": names_in(tmp_path), "run.json": keys_of(tmp_path / "run.json")}
    sections["rle.json"] = keys_of(tmp_path / "rle.json")
    sections["state.safetensors"] = header_of(tmp_path / "state.safetensors", ("snapshot",))
    assert_recorded("vos segment, stopped", sections)


def test_feature_files(given, tmp_path, run_program, assert_recorded):
    shared = (*given.use, "--class-token", "--short-side", 0)
    for name in ("all.safetensors", "all.npz", "folder"):
        run_program("vos", "features", given.frames, "-o", tmp_path / name, *shared)
    with np.load(tmp_path / "all.npz") as archive:
        arrays = sorted(archive)
        about = sorted(set(keys_in(json.loads(str(archive["about"])))))
    with np.load(tmp_path / "folder" / "00000.npz") as archive:
        of_a_frame = sorted(archive)
    sections = {"safetensors": header_of(tmp_path / "all.safetensors", ("about",))}
    sections |= {"npz": [*arrays, *(f"about: {key}" for key in about)]}
    sections |= {"folder": names_in(tmp_path / "folder"), "folder, a frame": of_a_frame}
    sections["folder, about.json"] = keys_of(tmp_path / "folder" / "about.json")
    assert_recorded("vos features", sections)


def test_scores_and_attention(given, tmp_path, run_program, assert_recorded):
    truth, scores, maps = given.davis / "Annotations/480p", tmp_path / "scores", tmp_path / "maps"
    run_program("vos", "evaluate", truth, given.davis, "--out", scores, "--processes", 1)
    run_program("vos", "attention", given.frames / "00000.bmp", "-o", maps, *given.use)
    sections = {"evaluate: files": names_in(scores), "attention: files": names_in(maps)}
    sections["evaluate: results.json"] = keys_of(scores / "results.json")
    for path in sorted(scores.glob("*.csv")):
        sections[f"evaluate: {path.name}"] = path.read_text().splitlines()[0].split(",")
    assert_recorded("vos evaluate and vos attention", sections)


# --- vos-bench


def test_bench_davis(given, tmp_path, run_program, assert_recorded):
    out = tmp_path / "out"
    extra = ("--processes", 1, "--short-side", 0, "--feature-cache", tmp_path / "kept")
    run_program("vos-bench", "davis", "--data", given.davis, "--out", out, *given.use, *extra)
    sections = {"files": names_in(out)}
    for path in sorted(out.rglob("*.json")):
        sections[path.relative_to(out).as_posix()] = keys_of(path)
    assert_recorded("vos-bench davis", sections)


def test_bench_knn(given, tmp_path, run_program, assert_recorded):
    images, out = tmp_path / "images", tmp_path / "out"
    for number in range(FRAMES):
        path = images / f"class{number % 2}" / f"{number}.bmp"
        write_picture(path, number)
        os.utime(path, ns=(10**18, 10**18))  # the digest holds times and sizes
    extra = ("--train", images, "--test", images, "--k", 1, "--size", 32, "--workers", 0)
    run_program("vos-bench", "knn", "-o", out, *given.use, *extra)
    sections = {"files": names_in(out)}
    for name in ("run.json", "results.json"):
        sections[name] = keys_of(out / name)
    chunk = next(out.rglob("chunk-00000.safetensors"))
    sections["chunk-00000.safetensors"] = header_of(chunk)
    sections["digest of the extraction"] = [chunk.parent.name]
    assert_recorded("vos-bench knn", sections)


def test_the_feature_cache(given, tmp_path, run_program, assert_recorded):
    run = (given.frames, "--end", 1, "--mask", given.mask, "-o", tmp_path / "out")
    extra = ("--short-side", 0, "--feature-cache", tmp_path / "kept")
    run_program("vos", "segment", *run, *given.use, *extra)
    entries = sorted((tmp_path / "kept").rglob("*.*"))
    named = [path.relative_to(tmp_path / "kept").as_posix() for path in entries]
    sections = {"digest of a frame": named, "header": header_of(entries[0])}
    assert_recorded("the feature cache", sections)


# --- vos-pretrain


@pytest.fixture(scope="module")
def trained(given, tmp_path_factory, run_program):
    out = tmp_path_factory.mktemp("trained")
    network = ("--arch", "vit_tiny", "--patch-size", 16, "--out-dim", 8, "--head-hidden-dim", 8)
    crops = ("--head-bottleneck-dim", 8, "--global-crops-size", 32, "--local-crops-number", 0)
    length = ("--epochs", 2, "--warmup-epochs", 0, "--batch-size-per-gpu", 2)
    where = ("--data-path", given.frames, "--output-dir", out, "--num-workers", 0)
    seen = ("--log-steps", 1, "--probe-epochs", 1, *given.use[2:])
    run_program("vos-pretrain", "train", *where, *network, *crops, *length, *seen)
    return out


def test_a_pretraining_run(trained, assert_recorded):
    sections = {"files": names_in(trained)}
    for name in ("config.json", "log.jsonl"):
        sections[name] = keys_of(trained / name)
    sections["checkpoint.pth"] = checkpoint_lines(trained / "checkpoint.pth")
    assert_recorded("vos-pretrain train", sections)


def test_exported_backbones(trained, tmp_path, run_program, assert_recorded):
    sections = {}
    for form in ("safetensors", "pth"):
        path = tmp_path / f"backbone.{form}"
        run_program("vos-pretrain", "export", trained, "-o", path, "--format", form)
        if form == "pth":
            sections[path.name] = tensor_lines(torch.load(path, weights_only=True))
        else:
            sections[path.name] = header_of(path, ("config",))
    assert_recorded("vos-pretrain export", sections)


def test_checked_data(given, tmp_path, run_program, assert_recorded):
    run_program("vos-pretrain", "check-data", given.frames, "--out", tmp_path)
    sections = {"files": names_in(tmp_path), "data.json": keys_of(tmp_path / "data.json")}
    assert_recorded("vos-pretrain check-data", sections)


# --- objects


def attributes_of(value):
    inherited = dir(torch.nn.Module()) if isinstance(value, torch.nn.Module) else ()
    named = [name for name in dir(value) if not name.startswith("_") and name not in inherited]
    return sorted({name for name in named if not inspect.ismethod(getattr(value, name))})


def test_attributes_of_objects(given, assert_recorded):
    backbone = vos.load_backbone(weights=given.use[1], device="cpu", precision="fp32")
    tracker = vos.LabelPropagator(backbone, vos.PropagationConfig(short_side=0))
    tracker.step(*picture(0))
    with vos.open_frames(given.frames) as reader:
        held = {"backbone": backbone, "propagator": tracker, "frame reader": reader}
        sections = {name: attributes_of(value) for name, value in held.items()}
    mask = vos.read_mask(given.mask)
    scores = vos.evaluate(given.davis / "Annotations/480p", given.davis, processes=1)
    sections |= {"mask": attributes_of(mask), "scores": attributes_of(scores)}
    sections["score of an object"] = attributes_of(scores.objects[0])
    assert_recorded("attributes", sections)
