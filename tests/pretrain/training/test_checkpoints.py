"""Checkpoints of whole runs: resumed exactly, in the published layout, refused where unfit."""

import os
import signal
from dataclasses import replace

import pytest
import torch

from pretrain.train import train
from pretrain.training.checkpoints import (
    RunFacts,
    find_resumable,
    list_checkpoints,
    read_training_checkpoint,
    save_checkpoint,
)
from pretrain.training.initialization import init_backbone
from pretrain.training.learner import Learner
from pretrain.training.restoration import restore
from pretrain.training.schedules import build_schedules
from tests.pretrain.runs import CONFIG, losses, photos, settings, tiny_vit, weights, whole
from vos.backbones.networks.vit import position_embedding
from vos.errors import InputError

__all__ = ["photos", "tiny_vit", "whole"]


def assert_same_end(one, other):
    left, right = weights(one), weights(other)
    for part in ("student", "teacher", "dino_loss"):
        for name, value in left[part].items():
            assert torch.equal(value, right[part][name]), name


def stop_after(monkeypatch, step, number=signal.SIGTERM):
    """Send a signal to this process while it takes a step."""
    take = Learner.step

    def wrapped(self, crops):
        if self.step_index == step:
            os.kill(os.getpid(), number)
        return take(self, crops)

    monkeypatch.setattr(Learner, "step", wrapped)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_the_resumed_run_is_the_whole_one(
    photos, tmp_path, whole, monkeypatch, number
):
    with monkeypatch.context() as patch:
        stop_after(patch, 3, number)
        result = train(CONFIG, settings(photos, tmp_path))
    assert not result.finished and result.stopped_by == number and result.steps == 4
    assert train(CONFIG, settings(photos, tmp_path, resume="auto", num_workers=1)).finished
    assert losses(tmp_path) == losses(whole)
    assert_same_end(tmp_path, whole)


def test_a_run_killed_between_checkpoints_repeats_the_lost_steps(
    photos, tmp_path, whole, monkeypatch
):
    take = Learner.step

    def killed(self, crops):
        if self.step_index == 5:
            raise SystemError("killed")
        return take(self, crops)

    with monkeypatch.context() as patch:
        patch.setattr(Learner, "step", killed)
        with pytest.raises(SystemError):
            train(CONFIG, settings(photos, tmp_path))
    assert list_checkpoints(tmp_path)[-1].name == "step-00000003.pth"
    train(CONFIG, settings(photos, tmp_path, resume="auto"))
    assert losses(tmp_path) == losses(whole)
    assert_same_end(tmp_path, whole)


def test_a_damaged_checkpoint_is_passed_over(photos, tmp_path, whole, capsys):
    train(CONFIG, settings(photos, tmp_path))
    newest = list_checkpoints(tmp_path)[-1]
    (tmp_path / "checkpoint.pth").unlink()
    newest.write_bytes(newest.read_bytes()[:5000])
    train(CONFIG, settings(photos, tmp_path, resume="auto"))
    assert "passing over" in capsys.readouterr().err
    assert losses(tmp_path) == losses(whole)
    with pytest.raises(InputError, match=r"damaged or cut short"):
        (tmp_path / "cut.pth").write_bytes(newest.read_bytes()[:5000])
        train(CONFIG, settings(photos, tmp_path, resume=str(tmp_path / "cut.pth")))


def test_when_no_checkpoint_is_whole_it_is_said(tmp_path):
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    (folder / "step-00000003.pth").write_bytes(b"PK junk of some length" * 40)
    with pytest.raises(InputError, match="no checkpoint in"):
        find_resumable(tmp_path)
    assert find_resumable(tmp_path / "elsewhere") is None


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"arch": "vit_small"}, "arch"),
        ({"patch_size": 8}, "patch_size"),
        ({"out_dim": 64}, "out_dim"),
    ],
)
def test_resume_with_another_architecture_is_refused(photos, whole, tmp_path, change, name):
    run = settings(photos, tmp_path, resume=str(whole / "checkpoint.pth"))
    with pytest.raises(InputError, match=rf"trained with {name}.*--init-from"):
        train(replace(CONFIG, **change), run)


def test_resume_with_other_data_is_refused(photos, whole, tmp_path):
    for path in sorted(photos.iterdir())[:8]:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    run = settings(tmp_path, tmp_path / "run", resume=str(whole / "checkpoint.pth"))
    with pytest.raises(InputError, match="other data"):
        train(CONFIG, run)


def test_resume_tells_what_is_set_otherwise(photos, whole, tmp_path, capsys):
    run = settings(photos, tmp_path, resume=str(whole / "checkpoint.pth"))
    result = train(replace(CONFIG, epochs=4, clip_grad=1.0), run)
    assert result.steps == 12
    said = capsys.readouterr().err
    assert "epochs was 3, is 4" in said and "clip_grad was 3.0, is 1.0" in said


def without_options(whole, path, *names):
    """Write a run's checkpoint as a version that did not have these options would have."""
    state = weights(whole)
    for name in names:
        del state["extras"]["config"][name]
        delattr(state["args"], name)
    torch.save(state, path)
    return str(path)


def test_an_option_that_a_checkpoint_lacks_has_its_default(photos, whole, tmp_path, capsys):
    path = without_options(whole, tmp_path / "old.pth", "head_layers", "clip_grad")
    run = settings(photos, tmp_path / "run", resume=path)
    assert train(replace(CONFIG, epochs=4, clip_grad=1.0), run).finished
    said = capsys.readouterr().err
    assert "clip_grad was 3.0, is 1.0" in said and "head_layers" not in said
    with pytest.raises(
        InputError, match=r"trained with head_layers 3, this run has 2.*--init-from"
    ):
        train(replace(CONFIG, head_layers=2), run)


def test_plain_weights_cannot_be_resumed(photos, whole, tmp_path):
    torch.save({"w": torch.zeros(1)}, tmp_path / "plain.pth")
    with pytest.raises(InputError, match="--init-from"):
        train(CONFIG, settings(photos, tmp_path, resume=str(tmp_path / "plain.pth")))


def test_a_published_checkpoint_resumes(photos, whole, tmp_path):
    state = weights(whole)
    published = {k: v for k, v in state.items() if k != "extras"}
    published["epoch"] = 2
    published["args"].arch = "deit_tiny"
    torch.save(published, tmp_path / "published.pth")
    run = settings(photos, tmp_path / "run", resume=str(tmp_path / "published.pth"))
    result = train(CONFIG, run)
    assert result.finished and sorted(losses(tmp_path / "run")) == [7, 8, 9]


def test_the_scale_of_fp16_is_resumed(tmp_path):
    def learner():
        return Learner(CONFIG, build_schedules(CONFIG, 3, 4), torch.device("cpu"), "fp16")

    first, second = learner(), learner()
    first.scaler.load_state_dict({**first.scaler.state_dict(), "scale": 64.0})
    facts = RunFacts(CONFIG, "", "", 4)
    path = save_checkpoint(tmp_path, first, facts, 1)
    restore(second, read_training_checkpoint(path), facts, path)
    assert second.scaler.get_scale() == 64.0


def test_the_layout_is_the_published_one(whole):
    state = weights(whole)
    assert {"student", "teacher", "optimizer", "epoch", "args", "dino_loss"} <= set(state)
    assert all(name.startswith("module.") for name in state["student"])
    assert "backbone.cls_token" in state["teacher"] and "head.mlp.0.weight" in state["teacher"]
    assert state["args"].arch == "vit_tiny" and state["epoch"] == 3
    assert state["dino_loss"]["center"].shape == (1, 32)


def test_an_old_run_is_not_overwritten(photos, whole):
    for start in ({}, {"init_from": str(whole / "checkpoint.pth")}):
        with pytest.raises(InputError, match="--resume auto"):
            train(CONFIG, settings(photos, whole, **start))


def test_going_back_needs_the_later_checkpoints_out_of_the_way(photos, tmp_path, capsys):
    train(CONFIG, settings(photos, tmp_path))
    early, late = list_checkpoints(tmp_path)
    run = settings(photos, tmp_path, resume=str(early))
    with pytest.raises(InputError, match=r"after step 6: step-00000009\.pth; move them away"):
        train(CONFIG, run)
    assert list_checkpoints(tmp_path) == [early, late]
    late.unlink()
    assert train(CONFIG, run).finished
    assert train(CONFIG, settings(photos, tmp_path, resume=str(tmp_path / "checkpoint.pth")))


def test_later_checkpoints_never_push_out_the_one_just_saved(whole, photos, tmp_path):
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    (folder / "step-00000099.pth").write_bytes(b"damaged" * 100)
    (folder / "step-by-hand.pth").write_bytes(b"")
    (folder / "step-00000003.pth").write_bytes((whole / "checkpoint.pth").read_bytes())
    train(replace(CONFIG, epochs=4), settings(photos, tmp_path, resume="auto", keep_checkpoints=1))
    assert [p.stem for p in list_checkpoints(tmp_path)] == ["step-00000012", "step-00000099"]


def test_a_run_that_took_no_step_may_be_started_again(photos, tmp_path):
    out = tmp_path / "run"
    with pytest.raises(InputError, match="no DAVIS folder"):
        train(CONFIG, settings(photos, out, probe_epochs=1, davis_path=tmp_path))
    assert [p.stem for p in list_checkpoints(out)] == ["step-00000000"]
    assert train(CONFIG, settings(photos, out)).finished


def test_init_from_takes_the_backbone_alone(photos, whole, tmp_path, monkeypatch):
    seen = {}
    take = Learner.step

    def look(self, crops):
        seen.setdefault("backbone", self.student.backbone.norm.weight.detach().clone())
        return take(self, crops)

    monkeypatch.setattr(Learner, "step", look)
    run = settings(photos, tmp_path, init_from=str(whole / "checkpoint.pth"))
    assert train(replace(CONFIG, out_dim=16), run).finished
    assert torch.equal(seen["backbone"], weights(whole)["teacher"]["backbone.norm.weight"])
    other = settings(photos, tmp_path / "x", init_from=str(whole / "checkpoint.pth"))
    with pytest.raises(InputError, match=r"expected \(1, 1, 384"):
        train(replace(CONFIG, arch="vit_small"), other)


def test_init_from_another_resolution_resamples_the_position_embeddings(whole):
    larger = replace(CONFIG, global_crops_size=64)
    learner = Learner(larger, build_schedules(larger, 3, 4), torch.device("cpu"))
    init_backbone(learner, str(whole / "checkpoint.pth"))
    given = weights(whole)["teacher"]["backbone.pos_embed"]
    assert given.shape[1] == 1 + 2 * 2
    for network in (learner.student, learner.teacher):
        taken = network.backbone.pos_embed.detach()
        assert torch.equal(taken, position_embedding(given, 4, 4))
        assert torch.equal(taken[:, 0], given[:, 0])  # the class token's own
    images = torch.randn(2, 3, 64, 64)
    small = Learner(CONFIG, build_schedules(CONFIG, 3, 4), torch.device("cpu"))
    init_backbone(small, str(whole / "checkpoint.pth"))
    torch.testing.assert_close(learner.teacher.backbone(images), small.teacher.backbone(images))


def test_the_checkpoint_of_every_so_many_epochs_stays(tmp_path):
    learner = Learner(CONFIG, build_schedules(CONFIG, 3, 4), torch.device("cpu"))
    for step in (0, 3, 5, 6, 9):
        learner.step_index = step
        save_checkpoint(tmp_path, learner, RunFacts(CONFIG, "", "", 4), 1, keep_every=2)
    assert [p.stem for p in list_checkpoints(tmp_path)] == ["step-00000006", "step-00000009"]


def test_a_run_makes_its_total_batch_by_accumulation(photos, tmp_path):
    config = replace(CONFIG, batch_size_per_gpu=2, total_batch=4, epochs=1)
    assert train(config, settings(photos, tmp_path)).steps == 3
    assert weights(tmp_path)["extras"]["total_batch"] == 4
    assert weights(tmp_path)["extras"]["config"]["accumulate"] == 2
