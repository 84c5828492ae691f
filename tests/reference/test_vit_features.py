"""DINO's ViT against the features of the published code, whatever sizes the reference holds."""

import numpy as np
import pytest
import torch

from tests.reference.files import REFERENCE
from vos.backbones.dino import DinoViT
from vos.backbones.networks.vit import VisionTransformer
from vos.backbones.weights_record import WeightsRecord

FILES = sorted(REFERENCE.glob("vit_features*.npz"))
TOLERANCE = 1e-4


def network_of(reference):
    """Build the network whose float16 weights lie in the reference under `w.`."""
    state = {
        name.removeprefix("w."): torch.from_numpy(reference[name].astype(np.float32))
        for name in reference.files
        if name.startswith("w.")
    }
    width, _, patch, _ = state["patch_embed.proj.weight"].shape
    depth = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("blocks."))
    grid = round((state["pos_embed"].shape[1] - 1) ** 0.5)
    heads = reference["cls_attention.0"].shape[1]
    network = VisionTransformer(patch, width, depth, heads, img_size=grid * patch)
    network.load_state_dict(state)
    return network.eval()


def cases():
    for path in FILES:
        with np.load(path) as reference:
            count = sum(name.startswith("input.") for name in reference.files)
        for size in range(count):
            yield pytest.param(path, size, id=f"{path.stem}-{size}")


if not FILES:
    pytest.skip(
        f"no vit_features*.npz in {REFERENCE}; set VOS_REFERENCE_DIR", allow_module_level=True
    )


@pytest.mark.parametrize(("path", "size"), list(cases()))
def test_features_are_those_of_the_published_code(path, size):
    with np.load(path) as reference, torch.inference_mode():
        network = network_of(reference)
        images = torch.from_numpy(reference[f"input.{size}"].astype(np.float32))
        second, last = network.layers(images, last=2)
        attention = network.class_attention(images)
        found = {
            "last_layer": last,
            "second_last_layer": second,
            "class_token": network(images),
            "cls_attention": attention,
        }
        for name, value in found.items():
            want = reference[f"{name}.{size}"]
            assert value.shape == want.shape, name
            assert np.abs(value.numpy() - want).max() <= TOLERANCE, name


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_backbone_gives_patch_tokens_and_attention_as_maps(path):
    with np.load(path) as reference, torch.inference_mode():
        backbone = DinoViT(network_of(reference), WeightsRecord("reference", "npz", None, "plain"))
        count = sum(name.startswith("input.") for name in reference.files)
        for size in range(count):
            images = torch.from_numpy(reference[f"input.{size}"].astype(np.float32))
            h, w = (side // backbone.stride for side in images.shape[-2:])
            want = reference[f"last_layer.{size}"][:, 1:].reshape(len(images), h, w, -1)
            features = backbone(images)
            assert features.shape == (len(images), backbone.dim, h, w)
            assert np.abs(features.permute(0, 2, 3, 1).numpy() - want).max() <= TOLERANCE
            attention = backbone.class_attention(images)
            want = reference[f"cls_attention.{size}"].reshape(*attention.shape[:2], h, w)
            assert np.abs(attention.numpy() - want).max() <= TOLERANCE
