"""Checkpoints in the layouts that people have, and files that are none."""

import argparse
import collections
import os
import pathlib
import pickle
import re

import numpy as np
import torch
from safetensors.torch import save_file

from tests.corpus.rows import OUT, Outcome, Row, refused, works
from tests.corpus.scene import IDS, save, write_frames
from vos.backbones.networks.vit import VisionTransformer

WIDTH, DEPTH, PATCH = 64, 2, 16


def state(width=WIDTH, depth=DEPTH, heads=1):
    """Return the state dict of a small ViT with random weights."""
    torch.manual_seed(0)
    return dict(VisionTransformer(PATCH, width, depth, heads, img_size=64).state_dict())


def prefixed(prefix, tensors=None):
    return {f"{prefix}{name}": value for name, value in (tensors or state()).items()}


def info(content, name="w.pth", options=()):
    """Return a maker of a checkpoint and `vos weights info` of it."""

    def make(folder):
        write(folder / name, content() if callable(content) else content)
        return ["vos", "weights", "info", name, *options]

    return make


def write(path, content):
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif path.suffix == ".safetensors":
        save_file(content, path)
    else:
        torch.save(content, path)


def used(content, name="w.pth", options=()):
    """Return a maker of a checkpoint, two frames, and `vos segment` with it."""

    def make(folder):
        write(folder / name, content() if callable(content) else content)
        write_frames(folder / "frames")
        save(folder / "mask.png", IDS)
        return ["vos", "segment", "frames", "--mask", "mask.png", "-o", OUT, "--no-overlay",
                "--short-side", "64", "--device", "cpu", "--precision", "fp32", "--weights", name,
                *options]  # fmt: skip

    return make


def spoiled(value, name="blocks.1.attn.qkv.weight"):
    def make():
        tensors = state()
        tensors[name].view(-1)[5] = value
        return tensors

    return make


def hugging_face():
    """Return a state dict in the names of Hugging Face's ViT (`facebook/dino-*`)."""
    renamed = {}
    for name, value in state().items():
        if ".attn.qkv." in name:
            block, kind = name.split(".")[1], name.rsplit(".", 1)[1]
            parts = zip(("query", "key", "value"), value.chunk(3), strict=True)
            for part, chunk in parts:
                renamed[f"encoder.layer.{block}.attention.attention.{part}.{kind}"] = chunk.clone()
            continue
        theirs_name = name
        for ours, theirs in (
            ("cls_token", "embeddings.cls_token"), ("pos_embed", "embeddings.position_embeddings"),
            ("patch_embed.proj", "embeddings.patch_embeddings.projection"), ("blocks.",
             "encoder.layer."),
            (".norm1.", ".layernorm_before."), (".norm2.", ".layernorm_after."),
            (".attn.proj.", ".attention.output.dense."), (".mlp.fc1.", ".intermediate.dense."),
            (".mlp.fc2.", ".output.dense."),
        ):  # fmt: skip
            theirs_name = theirs_name.replace(ours, theirs)
        renamed[re.sub(r"^norm\.", "layernorm.", theirs_name)] = value
    return renamed


def dino_v2():
    tensors = {**state(), "mask_token": torch.zeros(1, WIDTH)}
    for block in range(DEPTH):
        tensors[f"blocks.{block}.ls1.gamma"] = torch.ones(WIDTH)
        tensors[f"blocks.{block}.ls2.gamma"] = torch.ones(WIDTH)
    return tensors


def masked_autoencoder():
    tensors = {**state(), "mask_token": torch.zeros(1, 1, 32)}
    tensors["decoder_pos_embed"] = torch.zeros(1, 17, 32)
    tensors["decoder_embed.weight"] = torch.zeros(32, WIDTH)
    return {"model": tensors, "epoch": 3, "args": argparse.Namespace(model="mae_vit")}


class Opens:
    """A pickle that asks to run something."""

    def __reduce__(self):
        return os.system, ("true",)


def malicious():
    return pickle.dumps({"state_dict": Opens()})


def with_heads(tensors):
    return {"teacher": prefixed("backbone.", tensors), "args": argparse.Namespace(num_heads=3)}


def cut(content, share=0.5):
    def make():
        path = pathlib.Path(os.environ.get("TMPDIR", "/tmp")) / f"corpus_{os.getpid()}.pth"
        write(path, content())
        data = path.read_bytes()
        path.unlink()
        return data[: int(share * len(data))]

    return make


def unhashable():
    """Return a pickle in PyTorch's old form that sets a dictionary as a key."""
    magic = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2)
    return magic + pickle.dumps({}, 2) + b"\x80\x02}(}K\x01u."


VIT = works(says=("patch 16, width 64, 2 blocks",))
_LAYOUTS = [
    ("plain", info(state), VIT, False),
    ("safetensors", info(state, "w.safetensors"), VIT, False),
    ("DINO's training checkpoint", info(lambda: {
        "teacher": prefixed("module.backbone."), "student": prefixed("module.backbone."),
        "epoch": 1,
        "args": argparse.Namespace(arch="vit_x")}), VIT, False),
    ("state_dict", info(lambda: {"state_dict": state()}), VIT, False),
    ("model", info(lambda: {"model": state()}), VIT, False),
    ("compiled", info(lambda: prefixed("_orig_mod.module.")), VIT, False),
    ("an ordered dictionary", info(lambda: collections.OrderedDict(state())), VIT, False),
    ("half precision", info(lambda: {k: v.half() for k, v in state().items()}), VIT, False),
    ("Hugging Face", info(hugging_face), VIT, False),
    ("Hugging Face, prefix vit", info(lambda: prefixed("vit.", hugging_face())), VIT, False),
    ("Hugging Face, safetensors", info(hugging_face, "model.safetensors"), VIT, False),
    ("a masked autoencoder", info(masked_autoencoder), VIT, False),
    ("a mask token alone", info(lambda: {**state(), "mask_token": torch.zeros(1, WIDTH)}), VIT,
     False),
    *((f"prefix {prefix}", info(lambda prefix=prefix: {
        "state_dict": {**prefixed(prefix), "queue": torch.zeros(4)}}), VIT, False)
      for prefix in ("encoder_q.", "module.encoder_q.", "base_encoder.", "module.base_encoder.",
                     "momentum_encoder.", "student_backbone.", "teacher_backbone.",
                     "momentum_backbone.", "net.", "encoder.", "model.")),
    ("model_state_dict", info(lambda: {"model_state_dict": state(), "epoch": 3}), VIT, False),
    ("state_dict_ema", info(lambda: {"state_dict": state(), "state_dict_ema": state()}),
     works(says=("patch 16, width 64, 2 blocks", "state_dict_ema")), False),
    ("solo-learn", info(lambda: {"state_dict": {
        **prefixed("backbone."), **prefixed("momentum_backbone."),
        "projector.0.weight": torch.zeros(4, 4),
        "classifier.weight": torch.zeros(3, WIDTH)}, "pytorch-lightning_version": "1.9"}), VIT,
        False),
    ("lightly", info(lambda: {"state_dict": {
        **prefixed("teacher_backbone."), **prefixed("student_backbone."),
        "teacher_head.last_layer.weight": torch.zeros(4, 4)}}), VIT, False),
    ("MoCo-v3", info(lambda: {"arch": "vit_small", "state_dict": {
        **prefixed("module.base_encoder."), **prefixed("module.momentum_encoder."),
        "module.base_encoder.head.0.weight": torch.zeros(4, WIDTH)}}), VIT, False),
    ("another key", info(lambda: {"ema": prefixed("backbone."), "epoch": 3}), VIT, False),
    ("a number of NumPy beside", info(lambda: {"state_dict": state(), "best": np.float64(0.5)}),
     VIT,
     False),
    ("an array of NumPy beside", info(lambda: {"state_dict": state(), "losses": np.arange(3)}), VIT,
     False),
    ("a path beside", info(lambda: {"state_dict": state(), "out": pathlib.PosixPath("/a")}), VIT,
     False),
    ("a path in the arguments", info(lambda: {"teacher": prefixed("backbone."), "args":
        argparse.Namespace(out=pathlib.PosixPath("/a"))}), VIT, False),
    ("segment with encoder_q", used(lambda: {"state_dict": prefixed("module.encoder_q.")}), works(),
     False),
    ("segment with Hugging Face", used(hugging_face), works(), False),
    ("segment with plain", used(state), works(), False),
    ("segment with a chosen key", used(lambda: {"teacher": prefixed("backbone."), "student":
        prefixed("backbone.")}, options=("--checkpoint-key", "student")), works(), False),
    ("segment with any key", used(lambda: {"mine": prefixed("backbone."), "other": 3},
     options=("--checkpoint-key", "mine")), works(), False),
    ("a key that is not there", used(lambda: {"teacher": state()}, options=("--checkpoint-key",
     "ema")),
     refused("ema", "teacher"), False),
    ("DINOv2", used(dino_v2), Outcome((0, 2), never_says=("a mask token",)), False),
]  # fmt: skip
QKV = r"blocks\.1\.attn\.qkv\.weight"
_NUMBERS = [
    ("not a number", used(spoiled(float("nan"))), refused("w.pth", QKV, "NaN|not a number|finite"),
     False),
    ("infinite", used(spoiled(float("inf"))), refused("w.pth", QKV, "finite"), False),
    ("not a number, info", info(spoiled(float("nan"))), refused("w.pth", QKV), False),
    ("not a number, safetensors", used(spoiled(float("nan")), "w.safetensors"),
     refused(QKV), False),
    ("not a number in an embedding", used(spoiled(float("nan"), "pos_embed")), refused("pos_embed"),
     False),
    ("heads assumed", info(lambda: state(192, 1, 3)), works(says=("3 heads", "assumed")), False),
    ("heads of the file", info(lambda: with_heads(state(192, 1))), works(says=("3 heads",),
     never=("assumed",)), False),
    ("heads given to segment", used(lambda: state(192, 1), options=("--heads", "12")), works(),
     False),
    ("heads that do not divide", used(lambda: state(192, 1), options=("--heads", "7")),
     refused("7", "192"), False),
    ("MoCo-v3's small ViT", info(lambda: {"arch": "vit_small", "state_dict": prefixed(
        "module.base_encoder.", state(384, 1))}), works(says=("heads", "assumed|12 heads")), False),
]  # fmt: skip
_NONE = [
    ("no file", lambda folder: ["vos", "weights", "info", "none.pth"], refused("none.pth"), False),
    ("a folder", lambda folder: (folder / "w.pth").mkdir() or ["vos", "weights", "info", "w.pth"],
     refused("w.pth"), False),
    ("no bytes", info(b""), refused("w.pth"), False),
    ("text", info(b"version https://git-lfs.github.com/spec/v1\n"), refused("w.pth"), False),
    ("a page", info(b"<!DOCTYPE html><html>"), refused("w.pth"), False),
    ("cut short", info(cut(state)), refused("w.pth", "cut short|damaged"), False),
    ("cut short, safetensors", info(b"\x10\0\0\0\0\0\0\0{}", "w.safetensors"),
     refused("w.safetensors"),
     False),
    ("a pickle whose key is a dictionary", info(unhashable), refused("w.pth"), False),
    ("a pickle that asks for 4 GB", info(lambda: b"\x80\x02X\xff\xff\xff\xff"), refused("w.pth"),
     False),
    ("an empty dictionary", info(dict), refused("w.pth", "no tensors"), False),
    ("a list", info(lambda: [torch.zeros(3)]), refused("w.pth", "list"), False),
    ("a tensor", info(lambda: torch.zeros(3)), refused("w.pth", "Tensor"), False),
    ("numbers alone", info(lambda: {"epoch": 3}), refused("w.pth", "epoch"), False),
    ("a head alone", info(lambda: {"head.weight": torch.zeros(3, 3)}), refused("w.pth"), False),
    ("a whole model", info(lambda: torch.nn.Linear(3, 3)), refused("w.pth", "whole model",
     "state_dict"),
     False),
    ("a whole model in a dictionary", info(lambda: {"model": torch.nn.Linear(3, 3)}),
     refused("w.pth", "whole model", "state_dict"), False),
    ("a pickle that runs a command", info(malicious), refused("w.pth", r"system"), False),
    ("a saved object that runs a command", info(lambda: {"a": Opens()}), refused("w.pth",
     r"system"),
     False),
    ("another architecture", used(state, options=("--backbone", "dino_vits16")),
     refused("another architecture", "dino_vits16"), False),
    ("an unknown name", used(state, options=("--backbone", "timm:vit_no_such")),
     refused("vit_no_such"), False),
]  # fmt: skip
ROWS = [
    Row(name, topic, make, outcome, fails_today=fails, own_weights=True)
    for topic, rows in (
        ("layouts of weights", _LAYOUTS),
        ("numbers in weights", _NUMBERS),
        ("files that are no weights", _NONE),
    )
    for name, make, outcome, fails in rows
]
