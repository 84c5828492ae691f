"""The record of where weights came from; a file is hashed once."""

import pytest
import torch

import vos.backbones.checkpoints
from vos.backbones.checkpoints import load_checkpoint
from vos.backbones.efficientnet_lite0 import EfficientNetLite0
from vos.backbones.loading import load_backbone
from vos.backbones.networks.vit import VisionTransformer
from vos.backbones.weights import packaged_file, record_hash, verify_file
from vos.backbones.weights_record import WeightsRecord
from vos.cli import VERBS
from vos.cli.verbs import run_verbs
from vos.files import sha256_of


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(0)
    torch.save(VisionTransformer(16, 64, 2, 1, img_size=64).state_dict(), tmp_path / "w.pth")
    return tmp_path / "w.pth"


@pytest.fixture
def hashed(monkeypatch):
    """The files that were hashed, in order."""
    paths = []

    def spy(path):
        paths.append(path)
        return sha256_of(path)

    for module in (vos.backbones.checkpoints, vos.backbones.weights):
        monkeypatch.setattr(module, "sha256_of", spy)
    return paths


def test_the_record_of_a_file(weights):
    checkpoint = load_checkpoint(weights)
    record = WeightsRecord.of(checkpoint, "a name")
    assert record == WeightsRecord("a name", str(weights), sha256_of(weights), "plain")
    assert WeightsRecord.of(checkpoint, "a name", source="other").source == "other"


def test_the_record_of_the_built_in_weights():
    path = packaged_file()
    expected = WeightsRecord("efficientnet_lite0", path.name, sha256_of(path), "package")
    assert EfficientNetLite0().record == expected


def test_a_file_is_hashed_once(weights, hashed):
    checkpoint = load_checkpoint(weights)
    assert not hashed
    assert checkpoint.sha256 == checkpoint.sha256 == sha256_of(weights)
    assert hashed == [weights]


def test_each_use_hashes_a_file_once(weights, hashed, capsys):
    load_backbone(weights=weights, device="cpu", precision="fp32")
    assert hashed == [weights]
    assert run_verbs("vos", "", VERBS, ["weights", "info", str(weights)]) == 0
    assert sha256_of(weights) in capsys.readouterr().out
    assert hashed == [weights] * 2
    record_hash(weights)
    verify_file(weights, None)
    assert hashed == [weights] * 4
