"""One step: accumulation, ablations, precision, skipped steps, several processes."""

import math
import socket
import types

import pytest
import torch
import torch.multiprocessing as mp
from timm.layers import BatchNormAct2d
from torch import nn

from pretrain.config.pretrain_config import PretrainConfig
from pretrain.distributed import in_any_process
from pretrain.losses.dino import DINOLoss
from pretrain.losses.koleo import koleo_loss
from pretrain.models.block_masks import step_masks
from pretrain.models.student_teacher import recompute_activations
from pretrain.training.learner import Learner, feature_spread
from pretrain.training.schedules import build_schedules
from tests.pretrain.runs import NARROW, tiny_vit
from vos.backbones.networks.vit import ARCHITECTURES
from vos.errors import InputError

__all__ = ["tiny_vit"]
SMALL = {
    "arch": "vit_tiny",
    "out_dim": 24,
    "head_hidden_dim": 16,
    "head_bottleneck_dim": 8,
    "global_crops_size": 32,
    "local_crops_size": 16,
    "local_crops_number": 1,
    "drop_path_rate": 0.0,
    "epochs": 2,
    "warmup_epochs": 0.0,
    "freeze_last_layer": 0,
    "lr": 0.05,
    # AdamW turns the rounding noise of a zero gradient into whole steps; SGD shows equality.
    "optimizer": "sgd",
}
STEPS = 3


def learner(
    precision="fp32", steps_per_epoch=STEPS, compiled=False, checkpoint_activations=False, **changes
):
    config = PretrainConfig(**{**SMALL, **changes})
    schedules = build_schedules(config, steps_per_epoch, 4)
    return Learner(
        config,
        schedules,
        torch.device("cpu"),
        precision,
        compiled,
        checkpoint_activations=checkpoint_activations,
    )


def crops(step, batch=4):
    generator = torch.Generator().manual_seed(step)
    return [torch.randn(batch, 3, s, s, generator=generator) for s in (32, 32, 16)]


def run(subject, steps=STEPS):
    return [subject.step(crops(i)) for i in range(steps)]


def same_weights(one, other, tolerance=1e-6):
    for name, value in one.state_dict().items():
        torch.testing.assert_close(
            other.state_dict()[name], value, rtol=0, atol=tolerance, msg=name
        )


@pytest.mark.parametrize("targets", ["centering", "sinkhorn"])
def test_accumulated_batches_are_one_large_batch(targets):
    whole = learner(targets=targets)
    parts = learner(targets=targets, accumulate=2, batch_size_per_gpu=2)
    for a, b in zip(run(whole), run(parts), strict=True):
        assert b["loss"] == pytest.approx(a["loss"], rel=1e-5)
        assert b["grad_norm"] == pytest.approx(a["grad_norm"], rel=1e-4)
    same_weights(whole.student, parts.student, 1e-5)
    torch.testing.assert_close(whole.objective.center, parts.objective.center)


def test_koleo_is_added_with_its_weight_for_each_global_crop():
    plain, spread = learner(), learner(koleo_weight=0.5)
    tokens = [spread.student.backbone(crop) for crop in crops(0)[:2]]
    expected = sum(koleo_loss(token).item() for token in tokens)
    one, other = plain.step(crops(0)), spread.step(crops(0))
    assert other["koleo"] == pytest.approx(expected, rel=1e-5)
    assert other["loss"] == pytest.approx(one["loss"] + 0.5 * expected, rel=1e-5)
    assert "koleo" not in one and other["cross_entropy"] == one["cross_entropy"]
    for one, other in zip(run(plain), run(spread), strict=True):
        assert other["grad_norm"] != one["grad_norm"]


def test_koleo_of_accumulated_batches_is_the_mean_of_theirs():
    parts = learner(koleo_weight=0.5, accumulate=2, batch_size_per_gpu=2)
    tokens = [parts.student.backbone(crop) for crop in crops(0)[:2]]
    halves = [koleo_loss(half).item() for token in tokens for half in token.chunk(2)]
    plain = learner(accumulate=2, batch_size_per_gpu=2).step(crops(0))
    stats = parts.step(crops(0))
    assert stats["koleo"] == pytest.approx(sum(halves) / 2, rel=1e-5)
    assert stats["loss"] == pytest.approx(plain["loss"] + 0.25 * sum(halves), rel=1e-5)


IBOT = {"ibot_weight": 0.7, "global_crops_size": 64, "ibot_mask_probability": 0.7}


def large_crops(step, batch=4):
    generator = torch.Generator().manual_seed(step)
    return [torch.randn(batch, 3, s, s, generator=generator) for s in (64, 64, 16)]


@pytest.mark.parametrize("changes", [{}, {"ibot_head": "shared"}, {"targets": "sinkhorn"}])
def test_masked_patches_of_accumulated_batches_are_those_of_one_large_batch(changes):
    whole = learner(**IBOT, **changes)
    parts = learner(**IBOT, **changes, accumulate=2, batch_size_per_gpu=2)
    for index in range(STEPS):
        a, b = whole.step(large_crops(index)), parts.step(large_crops(index))
        assert b["loss"] == pytest.approx(a["loss"], rel=1e-5)
        assert b["ibot"] == pytest.approx(a["ibot"], rel=1e-4) and a["ibot"] > 0
        assert b["grad_norm"] == pytest.approx(a["grad_norm"], rel=1e-4)
    same_weights(whole.student, parts.student, 1e-5)
    torch.testing.assert_close(whole.ibot.center, parts.ibot.center)


def test_the_student_tells_hidden_patches_as_the_teacher_sees_them():
    subject = learner(**IBOT)
    views = large_crops(0)
    masks = step_masks(subject.config, 0, 0, 4, 2).flatten(0, 1)  # (2 * 4, 4, 4)
    images = torch.cat(views[:2])
    seen = subject.teacher.backbone.forward_features(images)[:, 1:]
    with torch.no_grad():
        subject.student.mask_token.fill_(0.3)
    patches = subject.student.backbone.patch_embed(images)
    patches[masks] = 0.3
    tokens = (
        torch.cat(
            [subject.student.backbone.cls_token.expand(8, 1, -1), patches.flatten(1, 2)], dim=1
        )
        + subject.student.backbone.pos_embed
    )
    guessed = subject.student.backbone.norm(subject.student.backbone.blocks(tokens))[:, 1:]
    q = (subject.teacher.patch_head(seen) / 0.04).softmax(-1)
    log_p = (subject.student.patch_head(guessed) / 0.1).log_softmax(-1)
    cross = -(q * log_p).sum(-1) * masks.flatten(1)
    expected = (cross.sum(1) / masks.flatten(1).sum(1).clamp_min(1)).mean().item()
    stats = subject.step(views)
    assert stats["ibot"] == pytest.approx(expected, rel=1e-4)
    assert stats["loss"] == pytest.approx(stats["cross_entropy"] + 0.7 * stats["ibot"], rel=1e-5)


def test_the_mask_token_and_the_head_of_patches_are_learnt():
    subject = learner(**IBOT)
    start = subject.student.patch_head.last_layer.weight_v.clone()
    subject.step(large_crops(0))
    assert subject.student.mask_token.abs().max() > 0
    assert not torch.equal(subject.student.patch_head.last_layer.weight_v, start)
    assert subject.teacher.mask_token is None
    without = learner(**IBOT, ibot_head="shared")
    assert without.student.patch_head is None and without.step(large_crops(0))["ibot"] > 0


def test_steps_without_masks_are_steps():
    subject = learner(**{**IBOT, "ibot_mask_probability": 0.0})
    stats = subject.step(large_crops(0))
    assert stats["ibot"] == 0 and not stats["skipped"]


def test_one_seed_gives_one_run():
    assert run(learner(drop_path_rate=0.3)) == run(learner(drop_path_rate=0.3))
    assert run(learner(drop_path_rate=0.3)) != run(learner(drop_path_rate=0.3, seed=1))


def test_teacher_moves_by_its_momentum():
    subject = learner()
    before = subject.teacher.head.last_layer.weight_v.clone()
    momentum = subject.step(crops(0))["momentum"]
    expected = momentum * before + (1 - momentum) * subject.student.head.last_layer.weight_v
    torch.testing.assert_close(subject.teacher.head.last_layer.weight_v, expected)


def test_without_momentum_the_teacher_is_the_student():
    subject = learner(teacher="student")
    run(subject, 1)
    same_weights(subject.teacher, subject.student, 0)


def test_previous_epoch_teacher_changes_at_the_epochs_end_only():
    subject = learner(teacher="previous_epoch", steps_per_epoch=2)
    start = subject.teacher.head.mlp[0].weight.clone()
    subject.step(crops(0))
    assert torch.equal(subject.teacher.head.mlp[0].weight, start)
    subject.step(crops(1))
    same_weights(subject.teacher, subject.student, 0)


def test_previous_epoch_teacher_changes_though_the_last_step_is_skipped():
    subject = learner(teacher="previous_epoch", steps_per_epoch=2)
    subject.step(crops(0))
    subject.step([crop * float("nan") for crop in crops(1)])
    same_weights(subject.teacher, subject.student, 0)


def test_last_layer_is_frozen_for_the_first_epochs():
    subject = learner(freeze_last_layer=1, steps_per_epoch=1)
    start = subject.student.head.last_layer.weight_v.clone()
    subject.step(crops(0))
    assert torch.equal(subject.student.head.last_layer.weight_v, start)
    subject.step(crops(1))
    assert not torch.equal(subject.student.head.last_layer.weight_v, start)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_step_that_is_not_finite_changes_nothing(bad):
    subject, other = learner(), learner()
    run(subject, 1), run(other, 1)
    broken = crops(1)
    broken[0][0, 0, 0, 0] = bad
    stats = subject.step(broken)
    assert stats["skipped"] == 1.0
    same_weights(subject.student, other.student, 0)
    same_weights(subject.teacher, other.teacher, 0)
    assert torch.equal(subject.objective.center, other.objective.center)
    assert subject.step_index == 2
    assert subject.step(crops(2))["skipped"] == 0.0


def test_bf16_stays_near_float32():
    exact, rough = run(learner())[-1], run(learner("bf16"))[-1]
    assert rough["loss"] == pytest.approx(exact["loss"], rel=0.02)
    assert rough["loss"] != exact["loss"]


@pytest.mark.slow
def test_compiled_networks_compute_the_same():
    plain, compiled = run(learner()), run(learner(compiled=True))
    for one, other in zip(plain, compiled, strict=True):
        assert other["loss"] == pytest.approx(one["loss"], rel=1e-4)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_activations_that_are_computed_again_change_nothing(precision):
    plain = learner(precision, drop_path_rate=0.3)
    again = learner(precision, drop_path_rate=0.3, checkpoint_activations=True)
    assert run(plain) == run(again)
    same_weights(plain.student, again.student, 0)


def test_what_is_computed_again_is_not_kept():
    def kept(subject):
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda x: sizes.append(x.numel()) or x, lambda x: x
        ):
            subject.student(crops(0))
        return sum(sizes)

    assert kept(learner(checkpoint_activations=True)) < kept(learner()) / 2


def test_a_timm_model_that_cannot_compute_again_is_refused():
    with pytest.raises(InputError, match="--checkpoint-activations"):
        recompute_activations(nn.Linear(1, 1))


def test_fp16_steps_with_a_scaler_and_survives_an_overflow():
    subject = learner("fp16")
    subject.scaler._init_scale = 2.0**24
    stats = subject.step(crops(0))
    assert stats["skipped"] == 1.0
    scale = subject.scaler.get_scale()
    assert scale < 2.0**24
    for index in range(20):
        subject.step_index = 0
        if not subject.step(crops(index))["skipped"]:
            break
    else:
        pytest.fail("the scale never came down")


def test_fp16_takes_no_step_where_only_the_loss_is_not_finite(monkeypatch):
    subject, other = learner("fp16"), learner("fp16")
    forward = DINOLoss.forward

    def infinite(self, student, targets):
        result = forward(self, student, targets)
        result.loss = result.loss + float("inf")  # its gradient stays as it was
        return result

    monkeypatch.setattr(DINOLoss, "forward", infinite)
    assert subject.step(crops(0))["skipped"] == 1.0
    same_weights(subject.student, other.student, 0)


def test_synchronised_layers_keep_the_activations_that_timm_puts_in(monkeypatch):
    monkeypatch.setattr("pretrain.training.learner.process_count", lambda: 2)
    monkeypatch.setattr(nn.parallel, "DistributedDataParallel", lambda network, device_ids: None)
    networks = [types.SimpleNamespace(backbone=BatchNormAct2d(3).eval()) for _ in range(2)]
    student, teacher = networks
    fake = types.SimpleNamespace(
        student=student, teacher=teacher, device=torch.device("cuda:0"), _parallel=None
    )
    images = torch.randn(2, 3, 4, 4)
    expected = student.backbone(images)
    Learner._spread_over_processes(fake, False)
    assert isinstance(student.backbone, nn.SyncBatchNorm)
    assert expected.min() == 0
    torch.testing.assert_close(student.backbone(images), expected)


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "byol", "predictor": True, "use_bn_in_head": True},
        {"method": "moco_v2", "queue_size": 16},
        {"method": "swav", "teacher": "student"},
        {"loss": "mse"},
        {"predictor": True},
        {"local_crops_number": 0},
        {"optimizer": "lars"},
        {"optimizer": "adamw"},
        {"norm_last_layer": False},
        {"koleo_weight": 0.1},
        {"koleo_weight": 0.1, "method": "byol", "predictor": True},
    ],
    ids=lambda c: "-".join(map(str, c.values())),
)
def test_every_variant_steps(changes):
    subject = learner(**changes)
    start = subject.student.backbone.patch_embed.proj.weight.clone()
    views = 2 + subject.config.local_crops_number
    stats = [subject.step(crops(i)[:views]) for i in range(2)]
    assert all(math.isfinite(s["loss"]) and not s["skipped"] for s in stats)
    assert not torch.equal(subject.student.backbone.patch_embed.proj.weight, start)


def test_feature_spread_of_one_point_and_of_a_sphere():
    assert feature_spread(torch.ones(8, 4)).item() == pytest.approx(0, abs=1e-4)
    assert feature_spread(torch.randn(4000, 16)).item() == pytest.approx(1, abs=0.02)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


VARIANTS = {
    "dino": {},
    "sinkhorn-bn": {"targets": "sinkhorn", "use_bn_in_head": True},
    "moco": {"method": "moco_v2", "queue_size": 16},
    "accumulate": {"accumulate": 2, "batch_size_per_gpu": 1},
    # its neighbours are those of a process's own batch, as of an accumulated one
    "koleo": {"koleo_weight": 0.5},
    "ibot": IBOT,
    "ibot-sinkhorn": {**IBOT, "targets": "sinkhorn", "ibot_head": "shared"},
}
ALONE = {"koleo": {"accumulate": 2, "batch_size_per_gpu": 2}}
"""What one process does in the place of two, where it is not the whole batch at once."""


def one_rank(rank, port, folder):
    """Take the steps of every variant on this rank's half of each batch."""
    torch.set_num_threads(1)
    ARCHITECTURES["vit_tiny"] = NARROW
    address = f"tcp://127.0.0.1:{port}"
    torch.distributed.init_process_group("gloo", init_method=address, rank=rank, world_size=2)
    flags = in_any_process([rank == 1, False], torch.device("cpu"))
    if rank == 0:
        torch.save(flags, f"{folder}/flags.pth")
    for name, changes in VARIANTS.items():
        subject = learner(**{"batch_size_per_gpu": 2, **changes})
        views = large_crops if "ibot" in name else crops
        halves = [[crop.chunk(2)[rank] for crop in views(index)] for index in range(STEPS)]
        rows = [subject.step(half) for half in halves]
        if rank == 0:
            networks = {"student": subject.student, "teacher": subject.teacher}
            states = {key: network.state_dict() for key, network in networks.items()}
            torch.save({"rows": rows, **states}, f"{folder}/{name}.pth")
    torch.distributed.destroy_process_group()


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    mp.spawn(one_rank, args=(free_port(), str(folder)), nprocs=2)
    return folder


def test_a_flag_of_one_process_is_seen_by_all(two_processes):
    assert torch.load(two_processes / "flags.pth", weights_only=True) == [True, False]


@pytest.mark.parametrize("name", VARIANTS)
def test_two_processes_are_one_with_the_whole_batch(two_processes, name):
    found = torch.load(two_processes / f"{name}.pth", weights_only=True)
    whole = learner(**{**VARIANTS[name], "accumulate": 1, **ALONE.get(name, {})})
    views = large_crops if "ibot" in name else crops
    expected_rows = [whole.step(views(index)) for index in range(STEPS)]
    for expected, row in zip(expected_rows, found["rows"], strict=True):
        assert row["loss"] == pytest.approx(expected["loss"], rel=1e-5)
        assert row["grad_norm"] == pytest.approx(expected["grad_norm"], rel=1e-4)
    for network, key in ((whole.student, "student"), (whole.teacher, "teacher")):
        for part, value in network.state_dict().items():
            torch.testing.assert_close(found[key][part], value, rtol=0, atol=1e-5, msg=part)
