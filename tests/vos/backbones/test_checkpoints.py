"""Every layout of checkpoint; damaged ones; files that try to run code."""

import argparse
import os
import pickle
import warnings

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from vos.backbones.checkpoints import load_checkpoint, read_file
from vos.backbones.dino import DinoViT
from vos.backbones.loading import load_backbone
from vos.backbones.networks.vit import VisionTransformer
from vos.errors import InputError


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(0)
    return VisionTransformer(8, 128, 3, 2, img_size=40).state_dict()


@pytest.fixture(scope="module")
def other():
    torch.manual_seed(1)
    return VisionTransformer(8, 128, 3, 2, img_size=40).state_dict()


def prefixed(state, prefix, head="head."):
    named = {prefix + name: tensor for name, tensor in state.items()}
    stem = prefix.removesuffix("backbone.")
    return {**named, stem + head + "mlp.0.weight": torch.zeros(4, 4)}


def full(teacher, student):
    """A training checkpoint as the published code saves it."""
    return {
        "student": prefixed(student, "module.backbone."),
        "teacher": prefixed(teacher, "backbone."),
        "optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]},
        "epoch": 12,
        "args": argparse.Namespace(arch="vit_small", patch_size=8, local_crops_scale=(0.05, 0.4)),
        "fp16_scaler": None,
        "dino_loss": {"center": torch.zeros(1, 16)},
    }


def assert_same(found, want):
    assert set(found) == set(want)
    assert all(torch.equal(found[name], want[name]) for name in want)


def test_plain_state_dict(state, tmp_path):
    torch.save(state, tmp_path / "w.pth")
    checkpoint = load_checkpoint(tmp_path / "w.pth")
    assert checkpoint.layout == "plain"
    assert checkpoint.key is None
    assert_same(checkpoint.state, state)
    shape = checkpoint.vit
    assert (shape.patch_size, shape.embed_dim, shape.depth, shape.num_heads) == (8, 128, 3, 2)
    assert (shape.in_chans, shape.grid) == (3, 5)
    network = VisionTransformer(8, 128, 3, 2, img_size=40)
    assert checkpoint.parameters == sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("prefix", ["backbone.", "module.backbone.", "_orig_mod.backbone."])
@pytest.mark.parametrize("wrapper", [None, "state_dict", "model"])
def test_prefixes_wrappers_and_heads_fall_away(state, tmp_path, prefix, wrapper):
    tensors = prefixed(state, prefix)
    torch.save(tensors if wrapper is None else {wrapper: tensors}, tmp_path / "w.pth")
    assert_same(load_checkpoint(tmp_path / "w.pth").state, state)


@pytest.mark.parametrize(("key", "which"), [("teacher", 0), ("student", 1)])
def test_full_training_checkpoint(state, other, tmp_path, key, which):
    torch.save(full(state, other), tmp_path / "full.pth")
    checkpoint = load_checkpoint(tmp_path / "full.pth", key=key)
    assert (checkpoint.layout, checkpoint.key) == ("full", key)
    assert_same(checkpoint.state, (state, other)[which])
    assert checkpoint.metadata["arch"] == "vit_small"
    assert checkpoint.metadata["epoch"] == "12"
    backbone = load_backbone(
        weights=tmp_path / "full.pth", checkpoint_key=key, device="cpu", precision="fp32"
    )
    assert isinstance(backbone, DinoViT)
    assert_same(backbone.network.state_dict(), (state, other)[which])
    assert backbone.record.layout == "full"


def test_a_training_checkpoint_without_the_network_asked_for(state, tmp_path):
    torch.save({"teacher": prefixed(state, "backbone."), "epoch": 1}, tmp_path / "w.pth")
    with pytest.raises(InputError, match="holds no 'student' network; it holds: teacher"):
        load_checkpoint(tmp_path / "w.pth", key="student")


def test_safetensors_with_metadata(state, tmp_path):
    save_file(state, tmp_path / "w.safetensors", metadata={"num_heads": "4", "source": "test"})
    checkpoint = load_checkpoint(tmp_path / "w.safetensors")
    assert checkpoint.layout == "safetensors"
    assert_same(checkpoint.state, state)
    assert checkpoint.metadata["source"] == "test"
    assert checkpoint.vit.num_heads == 4
    assert set(read_file(tmp_path / "w.safetensors")) == set(state)
    backbone = load_backbone(weights=tmp_path / "w.safetensors", device="cpu", precision="fp32")
    assert backbone.network.blocks[0].attn.num_heads == 4


def test_half_precision_weights_are_taken(state, tmp_path):
    torch.save({k: v.half() for k, v in state.items()}, tmp_path / "w.pth")
    backbone = load_backbone(weights=tmp_path / "w.pth", device="cpu", precision="fp32")
    assert backbone.dtype == torch.float32


class RunsCode:
    """A pickle of this runs a command when it is loaded."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def as_zip(value, path):
    torch.save(value, path)


def as_legacy(value, path):
    torch.save(value, path, _use_new_zipfile_serialization=False)


def as_pickle(value, path):
    path.write_bytes(pickle.dumps(value))


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".bin", ".ckpt", ""])
@pytest.mark.parametrize("write", [as_zip, as_legacy, as_pickle])
@pytest.mark.parametrize("nested", [False, True])
def test_a_pickle_that_wants_to_run_code_has_run_nothing(tmp_path, state, suffix, write, nested):
    marker = tmp_path / "it-ran"
    evil = RunsCode(marker)
    path = tmp_path / f"evil{suffix}"
    write({**state, "args": evil} if nested else evil, path)
    with pytest.raises(InputError) as raised:
        load_backbone("dino_vits8", weights=path)
    assert not marker.exists()
    assert "Nothing of it was run" in str(raised.value)
    if write is not as_pickle:  # pickle's own protocol is refused before any name is read
        assert f"{os.name}.system" in str(raised.value)


@pytest.mark.parametrize("target", ["builtins.eval", "subprocess.Popen", "torch.hub.load"])
def test_other_ways_to_run_code_are_refused(tmp_path, target):
    module, _, name = target.rpartition(".")
    path = tmp_path / "evil.pth"
    path.write_bytes(b"c" + f"{module}\n{name}\n".encode() + b"(S'1'\ntR.")
    with pytest.raises(InputError, match="Nothing of it was run"):
        load_checkpoint(path)


def test_files_that_are_cut_short(state, tmp_path):
    for write, name in ((as_zip, "zip.pth"), (as_legacy, "legacy.pth")):
        whole = tmp_path / name
        write(state, whole)
        data = whole.read_bytes()
        for share in (0.0, 0.001, 0.1, 0.5, 0.9, 0.999):
            whole.write_bytes(data[: int(len(data) * share)])
            with pytest.raises(InputError, match=str(whole)):
                load_checkpoint(whole)
    save_file(state, tmp_path / "w.safetensors")
    data = (tmp_path / "w.safetensors").read_bytes()
    for share in (0.0, 0.001, 0.5, 0.99):
        (tmp_path / "w.safetensors").write_bytes(data[: int(len(data) * share)])
        with pytest.raises(InputError, match="cut short"):
            load_checkpoint(tmp_path / "w.safetensors")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.binary(max_size=400), head=st.sampled_from([b"", b"PK\x03\x04", b"\x80\x02", b"}"]))
def test_any_bytes_are_refused_with_the_files_name(tmp_path, data, head):
    path = tmp_path / "bytes.pth"
    path.write_bytes(head + data)
    with warnings.catch_warnings(), pytest.raises(InputError, match=r"bytes\.pth"):
        warnings.simplefilter("ignore")
        load_checkpoint(path)


def test_a_flipped_byte_never_ends_in_a_traceback(state, tmp_path):
    path = tmp_path / "w.pth"
    as_zip({k: v[:1] for k, v in state.items()}, path)
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(0)
    for _ in range(150):
        changed = data.copy()
        changed[int(rng.integers(len(data)))] ^= int(rng.integers(1, 256))
        path.write_bytes(changed)
        try:
            load_checkpoint(path)
        except InputError as error:
            assert "w.pth" in str(error)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ([1, 2], "holds a list"),
        (torch.zeros(3), "holds a Tensor"),
        ({}, "holds no tensors of a backbone; it holds: nothing"),
        ({"epoch": 3}, "holds no tensors of a backbone; it holds: epoch"),
        ({"head.weight": torch.zeros(2)}, "holds no tensors of a backbone"),
    ],
)
def test_other_content_is_refused(tmp_path, value, told):
    torch.save(value, tmp_path / "w.pth")
    with pytest.raises(InputError, match=told):
        load_checkpoint(tmp_path / "w.pth")


def test_no_file_and_a_folder(tmp_path):
    for path in (tmp_path / "none.pth", tmp_path / "none.safetensors", tmp_path):
        with pytest.raises(InputError, match="no checkpoint at"):
            load_checkpoint(path)


@pytest.mark.parametrize(
    ("extra", "what"),
    [
        ("reg_token", "register tokens"),
        ("register_tokens", "register tokens"),
        ("dist_token", "distillation token"),
        ("blocks.0.ls1.gamma", "layer scale"),
    ],
)
def test_vits_of_other_kinds_are_named(state, tmp_path, extra, what):
    torch.save({**state, extra: torch.zeros(1, 4, 128)}, tmp_path / "w.pth")
    checkpoint = load_checkpoint(tmp_path / "w.pth")
    with pytest.raises(InputError, match=what):
        _ = checkpoint.vit
    with pytest.raises(InputError, match="--backbone timm:NAME"):
        load_backbone(weights=tmp_path / "w.pth", device="cpu")


def test_position_embeddings_that_are_no_square(state, tmp_path):
    torch.save({**state, "pos_embed": torch.zeros(1, 8, 128)}, tmp_path / "w.pth")
    with pytest.raises(InputError, match="square grid"):
        load_backbone(weights=tmp_path / "w.pth", device="cpu")


def test_missing_strange_and_misshapen_tensors_are_counted(state, tmp_path):
    wrong = dict(state)
    del wrong["norm.bias"], wrong["norm.weight"]
    wrong["strange"] = torch.zeros(1)
    wrong["blocks.1.attn.proj.weight"] = torch.zeros(3, 3)
    torch.save(wrong, tmp_path / "w.pth")
    with pytest.raises(InputError, match="another architecture") as raised:
        load_backbone(weights=tmp_path / "w.pth", device="cpu")
    for part in ("2 tensors missing", "1 tensors unknown", "1 tensors of another shape"):
        assert part in str(raised.value)


def test_patches_of_three_dimensions_are_told(state, tmp_path):
    state["patch_embed.proj.weight"] = state["patch_embed.proj.weight"].unsqueeze(2)
    torch.save(state, tmp_path / "video.pth")
    with pytest.raises(InputError, match="patches of 3 dimensions"):
        _ = load_checkpoint(tmp_path / "video.pth").vit
