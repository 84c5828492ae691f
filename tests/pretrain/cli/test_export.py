"""`vos-pretrain export`: a file of the run's backbone."""

import json

import pytest
import torch
from safetensors import safe_open

from pretrain.cli import run
from pretrain.train import train
from tests.pretrain.runs import CONFIG, photos, settings, tiny_vit

__all__ = ["photos", "tiny_vit"]


@pytest.fixture(scope="module")
def trained(photos, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained")
    train(CONFIG, settings(photos, out))
    return out


def test_export_as_safetensors_with_metadata(trained, tmp_path, capsys):
    target = tmp_path / "b.safetensors"
    assert run(["export", str(trained), "-o", str(target), "--licence", "CC0"]) == 0
    with safe_open(target, "pt") as file:
        metadata = file.metadata()
        names = set(file.keys())
    assert (metadata["arch"], metadata["patch_size"], metadata["licence"]) == (
        "vit_tiny",
        "16",
        "CC0",
    )
    assert metadata["epochs"] == "3.00" and "13 from folder" in metadata["data"]
    assert json.loads(metadata["config"])["out_dim"] == 32
    assert "cls_token" in names and not any("head" in name for name in names)


@pytest.mark.parametrize("name", [".", "checkpoint.pth"])
def test_export_reads_the_checkpoint_once(trained, tmp_path, monkeypatch, name):
    read, load = [], torch.load

    def counted(file, **options):
        read.append(file)
        return load(file, **options)

    monkeypatch.setattr(torch, "load", counted)
    assert run(["export", str(trained / name), "-o", str(tmp_path / "b.safetensors")]) == 0
    assert len(read) == 1


def test_export_goes_beside_the_run_by_default(trained):
    assert run(["export", str(trained), "--format", "pth"]) == 0
    assert (trained / "backbone.pth").is_file()
    (trained / "backbone.pth").unlink()
    assert run(["export", str(trained / "checkpoint.pth")]) == 0
    assert (trained / "backbone.safetensors").is_file()
