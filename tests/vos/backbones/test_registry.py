"""The backbones that have a name."""

from dataclasses import replace

import pytest
import torch

from vos.backbones.networks.efficientnet import EfficientNet
from vos.backbones.networks.vit import build_vit
from vos.backbones.registry import REGISTRY, named
from vos.backbones.weights import (
    find_weights,
    packaged_file,
)
from vos.errors import InputError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache, and no folder named in the environment."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("VOS_WEIGHTS", raising=False)
    return tmp_path / "cache" / "vos"


@pytest.mark.parametrize("name", [n for n, e in REGISTRY.items() if not e.packaged])
def test_registry_describes_the_networks(name):
    entry = REGISTRY[name]
    with torch.device("meta"):
        network = build_vit(entry.arch, entry.patch_size)
    assert sum(p.numel() for p in network.parameters()) == entry.parameters
    assert network.embed_dim == entry.embed_dim
    assert len(network.blocks) == entry.depth
    assert entry.urls[0] == (
        f"https://dl.fbaipublicfiles.com/dino/{entry.official}/{entry.official}.pth"
    )


def test_registry_describes_the_built_in_network():
    entry = REGISTRY["efficientnet_lite0"]
    network = EfficientNet()
    network.reset_classifier(1000)
    assert sum(p.numel() for p in network.parameters()) == entry.parameters
    assert entry.urls == ()
    assert find_weights("efficientnet_lite0") == packaged_file()


def test_packaged_weights_say_so_themselves():
    assert [name for name, entry in REGISTRY.items() if entry.packaged] == ["efficientnet_lite0"]
    for other in ("", "a_file_of_its_own"):
        entry = replace(REGISTRY["efficientnet_lite0"], official=other)
        assert entry.packaged
        assert entry.urls == ()


def test_unknown_names_list_the_known():
    with pytest.raises(InputError, match="dino_vits8"):
        named("dino_vits9")
