"""Training steps against the published implementation's numbers (float32, given crops)."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from pretrain.config.pretrain_config import PretrainConfig
from pretrain.models.heads import DINOHead
from pretrain.models.student_teacher import CropNetwork
from pretrain.training.learner import Learner
from pretrain.training.schedules import build_schedules
from vos.backbones.networks.vit import VisionTransformer

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
REFERENCE = Path(
    os.environ.get(
        "VOS_REFERENCE_DIR", Path(os.environ.get("VOS_SHARED_DATA", SHARED)) / "reference"
    )
)
CASES = sorted(REFERENCE.glob("dino_steps*.npz"))


def weights(data, prefix):
    names = [name for name in data.files if name.startswith(prefix)]
    return {name.removeprefix(prefix): torch.from_numpy(data[name].copy()) for name in names}


def configuration(setting, data):
    steps = sum(name.startswith("crops.") and name.endswith(".0") for name in data.files)
    assert steps <= setting["epochs"] * setting["iters_per_epoch"]
    first = [data[f"crops.0.{i}"] for i in range(2 + setting["local_crops"])]
    return PretrainConfig(
        patch_size=setting["patch_size"],
        in_chans=first[0].shape[1],
        drop_path_rate=setting["drop_path_rate"],
        out_dim=setting["out_dim"],
        norm_last_layer=setting["norm_last_layer"],
        head_hidden_dim=setting["head_hidden_dim"],
        head_bottleneck_dim=setting["head_bottleneck_dim"],
        momentum_teacher=setting["momentum_teacher"],
        student_temp=setting["student_temp"],
        warmup_teacher_temp=setting["warmup_teacher_temp"],
        teacher_temp=setting["teacher_temp"],
        warmup_teacher_temp_epochs=setting["warmup_teacher_temp_epochs"],
        center_momentum=setting["center_momentum"],
        epochs=setting["epochs"],
        batch_size_per_gpu=first[0].shape[0],
        lr=setting["base_lr_at_256"],
        warmup_epochs=setting["warmup_epochs"],
        min_lr=setting["min_lr"],
        weight_decay=setting["weight_decay"],
        weight_decay_end=setting["weight_decay_end"],
        clip_grad=setting["clip_grad"] or 0.0,
        freeze_last_layer=setting["freeze_last_layer"],
        global_crops_size=first[0].shape[-1],
        local_crops_number=setting["local_crops"],
        local_crops_size=first[-1].shape[-1],
    )


def reference_networks(setting, init):
    """The networks of the reference, whose widths are no published architecture's."""
    grid = round((init["backbone.pos_embed"].shape[1] - 1) ** 0.5)

    def network(drop_path_rate):
        vit = VisionTransformer(
            setting["patch_size"],
            setting["embed_dim"],
            setting["depth"],
            setting["num_heads"],
            in_chans=init["backbone.patch_embed.proj.weight"].shape[1],
            img_size=grid * setting["patch_size"],
            drop_path_rate=drop_path_rate,
        )
        hidden = [n for n in init if n.startswith("head.mlp.") and init[n].ndim == 2]
        head = DINOHead(
            setting["embed_dim"],
            setting["out_dim"],
            hidden_dim=setting["head_hidden_dim"],
            bottleneck_dim=setting["head_bottleneck_dim"],
            layers=len(hidden),
            use_bn="head.mlp.1.running_mean" in init,
            norm_last_layer=setting["norm_last_layer"],
        )
        built = CropNetwork(vit, head)
        built.load_state_dict(init)
        return built

    student, teacher = network(setting["drop_path_rate"]), network(0.0)
    for parameter in teacher.parameters():
        parameter.requires_grad = False
    return student, teacher


def replay(data, monkeypatch, **changes):
    """Run the reference's steps and return the learner and what each step reported."""
    setting = json.loads(str(data["config_json"])) | changes
    config = configuration(setting, data)
    networks = reference_networks(setting, weights(data, "init."))
    monkeypatch.setattr("pretrain.training.learner.build_networks", lambda _config: networks)
    schedules = build_schedules(config, setting["iters_per_epoch"], setting["batch_size"])
    learner = Learner(config, schedules, torch.device("cpu"))
    rows, centers = [], []
    for step in range(len(data["loss"])):
        views = 2 + setting["local_crops"]
        crops = [torch.from_numpy(data[f"crops.{step}.{view}"]) for view in range(views)]
        rows.append(learner.step(crops))
        centers.append(learner.objective.center[0].clone().numpy())
    series = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return learner, series, np.stack(centers)


@pytest.fixture(params=CASES, ids=lambda path: path.stem)
def case(request):
    return np.load(request.param)


def test_there_is_a_reference(reference_dir):
    assert list(reference_dir.glob("dino_steps*.npz"))


def test_steps_equal_the_published_ones(case, monkeypatch):
    learner, series, centers = replay(case, monkeypatch)
    np.testing.assert_allclose(series["loss"], case["loss"], rtol=1e-5)
    np.testing.assert_allclose(centers, case["center"].reshape(centers.shape), rtol=0, atol=1e-5)
    np.testing.assert_allclose(series["grad_norm"], case["mean_grad_norm"], rtol=1e-4)
    for name in ("lr", "weight_decay", "momentum"):
        np.testing.assert_allclose(series[name], case[name], rtol=1e-6, atol=1e-12)
    for network, prefix in (
        (learner.student, "final_student."),
        (learner.teacher, "final_teacher."),
    ):
        expected = weights(case, prefix)
        found = network.state_dict()
        assert set(expected) == set(found)
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value, rtol=0, atol=1e-5, msg=name)


@pytest.mark.parametrize(
    "change",
    [
        {"student_temp": 0.11},
        {"warmup_teacher_temp": 0.05, "teacher_temp": 0.09},
        {"center_momentum": 0.8},
        {"base_lr_at_256": 0.01},
        {"momentum_teacher": 0.8},
    ],
    ids=lambda change: next(iter(change)),
)
def test_one_changed_setting_shows(case, monkeypatch, change):
    learner, series, centers = replay(case, monkeypatch, **change)
    losses = np.abs(series["loss"] / case["loss"] - 1).max()
    moved = np.abs(centers - case["center"].reshape(centers.shape)).max()
    expected = weights(case, "final_teacher.")
    drift = max(
        (learner.teacher.state_dict()[n] - v).abs().max().item() for n, v in expected.items()
    )
    assert losses > 1e-5 or moved > 1e-5 or drift > 1e-5
