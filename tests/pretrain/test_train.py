"""Whole runs on a few small images: log, guards, full disks, wrong input."""

import errno
import json
import resource
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pretrain.train import DivergedError, train
from pretrain.training.checkpoints import list_checkpoints
from pretrain.training.learner import Learner
from tests.pretrain.runs import CONFIG, STEPS, losses, photos, settings, tiny_vit, whole
from vos.errors import InputError
from vos.runtime.folder_lock import locked_folder

__all__ = ["photos", "tiny_vit", "whole"]


def test_a_run_leaves_log_checkpoints_and_curves(whole):
    assert sorted(losses(whole)) == list(range(1, STEPS + 1))
    assert [p.name for p in list_checkpoints(whole)] == ["step-00000006.pth", "step-00000009.pth"]
    assert (whole / "curves.png").stat().st_size > 10_000
    written = json.loads((whole / "config.json").read_text())
    assert written["config"]["out_dim"] == 32 and written["total_batch"] == 4


def test_a_run_says_at_its_start_what_it_works_on(whole):
    first = json.loads((whole / "log.jsonl").read_text().splitlines()[0])
    assert "13 from folder" in first["message"]
    assert "4 images a step, 3 steps an epoch; fp32 on cpu" in first["message"]


def test_what_takes_a_while_is_said_before_it(photos, tmp_path, capsys):
    train(replace(CONFIG, epochs=1), settings(photos, tmp_path, num_workers=1, probe_epochs=1))
    lines = capsys.readouterr().err.splitlines()
    begun = [line for line in lines if line.endswith(" …")]
    assert begun[:3] == [
        f"reading the list of images in {photos} …",
        "building student and teacher …",
        "step 0: looking at the teacher …",
    ]
    assert begun[3] == "starting 1 loader worker …"


def test_two_runs_do_not_share_a_folder(photos, tmp_path):
    with (
        locked_folder(tmp_path),
        pytest.raises(InputError, match=r"in use by process .*give another folder"),
    ):
        train(CONFIG, settings(photos, tmp_path))
    assert not list(tmp_path.iterdir())


def test_a_refused_run_leaves_no_folder(tmp_path):
    (tmp_path / "photos").mkdir()
    with pytest.raises(InputError, match="no image"):
        train(CONFIG, settings(tmp_path / "photos", tmp_path / "runs" / "mine"))
    assert not (tmp_path / "runs").exists()


def test_the_log_has_what_is_to_be_watched(whole):
    line = json.loads((whole / "log.jsonl").read_text().splitlines()[-1])
    wanted = {"loss", "cross_entropy", "kl", "teacher_entropy", "student_entropy", "center_norm"}
    wanted |= {"grad_norm", "feature_std", "lr", "weight_decay", "momentum", "images_per_second"}
    assert wanted | {"data_wait", "memory_gb", "epoch", "teacher_temp"} <= set(line)


def test_the_number_of_workers_changes_nothing(photos, tmp_path, whole):
    train(CONFIG, settings(photos, tmp_path, num_workers=2))
    assert losses(tmp_path) == losses(whole)


def poison(monkeypatch, steps):
    take = Learner.step

    def wrapped(self, crops):
        if self.step_index in steps:
            crops = [crop * float("nan") for crop in crops]
        return take(self, crops)

    monkeypatch.setattr(Learner, "step", wrapped)


def test_steps_that_are_not_finite_are_skipped_and_counted(photos, tmp_path, monkeypatch):
    poison(monkeypatch, {4})
    assert train(CONFIG, settings(photos, tmp_path)).finished
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    skipped = [line for line in lines if line.get("skipped")]
    assert [line["step"] for line in skipped] == [5]
    assert {"lr", "weight_decay"} <= set(skipped[0]) and "loss" not in skipped[0]


def test_too_many_go_back_to_the_last_checkpoint(photos, tmp_path, monkeypatch, capsys):
    poison(monkeypatch, {4, 5})
    assert train(CONFIG, settings(photos, tmp_path, max_skipped=2)).finished
    said = capsys.readouterr().err
    assert "back to the weights of step 3" in said and "lower lr" in said


def test_a_run_that_does_not_recover_ends_with_advice(photos, tmp_path, monkeypatch):
    poison(monkeypatch, set(range(1, 9)))
    with pytest.raises(DivergedError, match="lower lr or clip_grad"):
        train(CONFIG, settings(photos, tmp_path, max_skipped=1))


def test_a_full_disk_leaves_the_last_checkpoint_and_the_run(photos, tmp_path, monkeypatch, capsys):
    save = torch.save
    count = iter(range(100))

    def full(state, handle):
        if next(count) == 2:
            handle.write(b"part")
            raise OSError(errno.ENOSPC, "No space left on device")
        save(state, handle)

    monkeypatch.setattr(torch, "save", full)
    assert train(CONFIG, settings(photos, tmp_path)).finished
    assert "No space left" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.part*"))
    assert [p.stem for p in list_checkpoints(tmp_path)] == ["step-00000003", "step-00000009"]


def test_a_disk_that_is_full_from_the_start_ends_the_run(photos, tmp_path, monkeypatch):
    def full(state, handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space left"):
        train(CONFIG, settings(photos, tmp_path))


def test_every_process_knows_that_a_save_failed_in_one(photos, tmp_path, monkeypatch):
    """Rank 1 of a run whose rank 0 could not save at step 3 goes back to step 0, not 3."""
    monkeypatch.setattr("pretrain.training.saving.in_any_process", failed_at_step_3(tmp_path))
    poison(monkeypatch, {4, 5})
    went_back = []
    monkeypatch.setattr(
        "pretrain.train.restore", lambda _l, _r, _f, path: went_back.append(path.name) or []
    )
    train(CONFIG, settings(photos, tmp_path, max_skipped=2))
    assert went_back == ["step-00000000.pth"]


def failed_at_step_3(folder):
    def in_any_process(flags, device):
        newest = list_checkpoints(folder)[-1].stem
        return [True] if newest == "step-00000003" and len(flags) == 1 else flags

    return in_any_process


def limited_save(folder):
    """Save a learner under a limit on file sizes, as a full disk would have it."""
    from pretrain.training.checkpoints import RunFacts, save_checkpoint
    from pretrain.training.schedules import build_schedules

    learner = Learner(CONFIG, build_schedules(CONFIG, 3, 4), torch.device("cpu"))
    facts = RunFacts(CONFIG, "", "", 4)
    save_checkpoint(folder, learner, facts, 3)
    before = (folder / "checkpoint.pth").read_bytes()
    learner.step_index = 1
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    try:
        save_checkpoint(folder, learner, facts, 3)
    except OSError:
        kept = [p.name for p in list_checkpoints(folder)] == ["step-00000000.pth"]
        whole = (folder / "checkpoint.pth").read_bytes() == before
        clean = not list(folder.rglob("*.part*"))
        print("kept" if kept and whole and clean else "damaged")


def test_a_write_that_fails_half_way_leaves_the_old_checkpoint(tmp_path):
    code = f"import tests.pretrain.test_train as t; t.limited_save(t.Path({str(tmp_path)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert done.stdout.strip() == "kept", done.stderr


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data_path": ()}, "--data-path"),
        ({"data_path": ("/no/such/folder",)}, "no folder or archive"),
        ({"device": "cuda:99"}, "cuda"),
        ({"resume": "/no/such.pth"}, "no checkpoint at"),
        ({"init_from": "/no/such.pth"}, "no checkpoint at"),
    ],
    ids=["no-data", "no-folder", "no-gpu", "no-resume", "no-init"],
)
def test_wrong_input_is_said(photos, tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        train(CONFIG, settings(photos, tmp_path, **change))


def test_all_images_broken(tmp_path):
    for number in range(12):
        (tmp_path / f"{number}.jpg").write_bytes(b"junk")
    with pytest.raises(InputError, match="could not be read"):
        train(CONFIG, settings(tmp_path, tmp_path / "run"))


def test_broken_images_are_listed(photos, tmp_path, capsys):
    data = tmp_path / "data"
    data.mkdir()
    for path in photos.iterdir():
        (data / path.name).write_bytes(path.read_bytes())
    (data / "bad.jpg").write_bytes(b"junk")
    train(CONFIG, settings(data, tmp_path / "run"))
    listed = tmp_path / "run" / "broken_images.txt"
    assert listed.read_text().startswith("bad.jpg\t")
    said = capsys.readouterr().err
    assert "cannot read bad.jpg" in said and "1 broken images were met" in said
    listed.write_text("earlier.jpg\tcut short\n")
    train(replace(CONFIG, epochs=6), settings(data, tmp_path / "run", resume="auto"))
    assert [line.split("\t")[0] for line in listed.read_text().splitlines()] == [
        *("bad.jpg", "earlier.jpg")
    ]


def test_grey_images_with_colours_on_the_device(photos, tmp_path):
    config = replace(CONFIG, in_chans=1, epochs=1)
    assert train(config, settings(photos, tmp_path, augment_device="cuda")).finished
