"""Weights that are not finite are refused by name."""

import pytest
import torch
from safetensors.torch import save_file

from vos.backbones.checkpoint_layouts.finite import check_finite
from vos.backbones.checkpoints import load_checkpoint
from vos.backbones.loading import load_backbone
from vos.backbones.networks.vit import VisionTransformer
from vos.errors import InputError


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("name", ["blocks.1.attn.qkv.weight", "pos_embed"])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_weights_that_are_not_finite_are_refused(tmp_path, value, name, suffix):
    state = VisionTransformer(16, 64, 2, 1, img_size=64).state_dict()
    state[name].view(-1)[5] = value
    path = tmp_path / f"w{suffix}"
    torch.save(state, path) if suffix == ".pth" else save_file(state, path)
    for load in (load_checkpoint, lambda file: load_backbone(weights=file, device="cpu")):
        with pytest.raises(InputError, match=rf"{name} holds 1 values of .* not finite") as raised:
            load(path)
        assert str(path) in str(raised.value)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float8_e5m2])
def test_small_precisions_are_checked_too(dtype):
    with pytest.raises(InputError, match="a holds 1 values of 2"):
        check_finite({"a": torch.tensor([1, float("nan")]).to(dtype)}, "w.pth")
    check_finite({"a": torch.ones(2).to(dtype), "n": torch.tensor(3)}, "w.pth")
