"""What the tests of whole runs share: a tiny network, a few pictures, settings."""

import dataclasses
import json
import types

import pytest
import torch

from benchmarks.speed.loader import photo_jpegs
from pretrain.config.pretrain_config import PretrainConfig
from pretrain.config.run_config import ProbeOptions, RunConfig
from pretrain.sources.options import SourceOptions
from pretrain.train import train
from tests.pretrain.data.pictures import photo
from vos.backbones.networks.vit import ARCHITECTURES

NARROW = (64, 2, 1)
"""Width, blocks and heads."""
CONFIG = PretrainConfig(
    arch="vit_tiny",
    out_dim=32,
    head_hidden_dim=16,
    head_bottleneck_dim=8,
    global_crops_size=32,
    local_crops_size=16,
    local_crops_number=1,
    epochs=3,
    warmup_epochs=1.0,
    batch_size_per_gpu=4,
    drop_path_rate=0.2,
    lr=0.01,
)
STEPS = 9


@pytest.fixture(scope="module", autouse=True)
def tiny_vit():
    """Two narrow blocks in the place of vit_tiny's twelve, so that a run takes a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ARCHITECTURES, "vit_tiny", NARROW)
        yield


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for number, data in enumerate(photo_jpegs([photo(50, 60, s) for s in range(13)], 48)):
        (folder / f"{number}.jpg").write_bytes(data)
    return folder


@pytest.fixture(scope="module")
def whole(photos, tmp_path_factory):
    """An uninterrupted run."""
    out = tmp_path_factory.mktemp("whole")
    result = train(CONFIG, settings(photos, out))
    assert result.finished and result.steps == STEPS
    return out


def settings(photos, out, **changes):
    values = {
        "data_path": (str(photos),),
        "output_dir": out,
        "device": "cpu",
        "precision": "fp32",
        "num_workers": 0,
        "log_steps": 1,
        "tensorboard": False,
        "keep_checkpoints": 2,
        **changes,
    }
    probes = {"probe_epochs": 0, **taken_from(values, ProbeOptions)}
    sources = taken_from(values, SourceOptions)
    return RunConfig(**values, probes=ProbeOptions(**probes), sources=SourceOptions(**sources))


def taken_from(values, options):
    """Take out of some values those that belong to a dataclass of options."""
    names = [field.name for field in dataclasses.fields(options)]
    return {name: values.pop(name) for name in names if name in values}


def losses(out):
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return {line["step"]: line["loss"] for line in lines if "loss" in line}


def weights(out):
    return torch.load(out / "checkpoint.pth", weights_only=False)


def learner_with(backbone, device="cpu", precision="fp32"):
    """Stand in for a learner in what is looked at."""
    teacher = types.SimpleNamespace(backbone=backbone)
    return types.SimpleNamespace(teacher=teacher, device=torch.device(device), precision=precision)


@pytest.fixture
def labeled(photos, tmp_path):
    for number, path in enumerate(sorted(photos.iterdir())):
        folder = tmp_path / "labeled" / f"class{number % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / path.name).write_bytes(path.read_bytes())
    return tmp_path / "labeled"
