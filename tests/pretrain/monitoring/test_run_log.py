"""The record of a run: cut back, in TensorBoard, in Weights & Biases."""

import importlib.util
import os
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from pretrain.monitoring.run_log import RunLog, read_log
from tests.pretrain.runs import tiny_vit
from vos.errors import InputError

__all__ = ["tiny_vit"]


def test_the_log_is_cut_back_to_where_a_run_goes_on(tmp_path):
    first = RunLog(tmp_path, {}, 0, tensorboard=False)
    for step in range(1, 6):
        first.numbers(step, {"loss": float(step)})
    first.sentence(5, "hello")
    first.close()
    with (tmp_path / "log.jsonl").open("a") as handle:
        handle.write('{"step": 6, "lo')
    RunLog(tmp_path, {}, 3, tensorboard=False).close()
    assert [line["step"] for line in read_log(tmp_path)] == [1, 2, 3]
    RunLog(tmp_path, {}, 0, tensorboard=False).close()
    assert read_log(tmp_path) == []


def test_tensorboard_files_are_written(tmp_path):
    run_log = RunLog(tmp_path, {}, 0)
    run_log.numbers(1, {"loss": 1.0})
    run_log.sentence(1, "hello")
    run_log.picture(1, "attention", np.zeros((4, 4, 3), np.uint8))
    run_log.close()
    assert list((tmp_path / "tensorboard").glob("events*"))


def test_without_tensorboard_the_extra_is_named_and_the_log_stays(tmp_path, monkeypatch):
    RunLog(tmp_path, {}, 0, tensorboard=False).numbers(1, {"loss": 1.0})
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "tensorboard" else find(name)
    )
    with pytest.raises(InputError, match=r"vos-toolkit\[train\].*--no-tensorboard"):
        RunLog(tmp_path, {}, 0)
    assert len(read_log(tmp_path)) == 1


def test_wandb_gets_the_same(tmp_path, monkeypatch):
    calls, opened = [], []
    run = types.SimpleNamespace(
        log=lambda values, step: calls.append((step, values)), finish=lambda: calls.append("end")
    )
    fake = types.SimpleNamespace(
        init=lambda **kw: opened.append(kw) or run, Image=lambda image: image.shape
    )
    monkeypatch.setitem(sys.modules, "wandb", fake)
    for first_step in (0, 0, 7):
        RunLog(tmp_path, {}, first_step, tensorboard=False, wandb_project="p").close()
    first, fresh, resumed = [kw["id"] for kw in opened]
    assert first != fresh == resumed and opened[0]["name"] == tmp_path.name
    calls.clear()
    run_log = RunLog(tmp_path, {}, 0, tensorboard=False, wandb_project="p")
    run_log.numbers(3, {"loss": 1.0})
    run_log.picture(3, "a", np.zeros((4, 4, 3), np.uint8))
    run_log.close()
    assert calls == [(3, {"loss": 1.0}), (3, {"a": (4, 4, 3)}), "end"]


def test_wandb_that_is_not_there_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(InputError, match="pip install wandb"):
        RunLog(tmp_path, {}, 0, tensorboard=False, wandb_project="p")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a full disk of Linux")
def test_a_full_disk_takes_no_lines_and_training_goes_on(tmp_path, capsys):
    run_log = RunLog(tmp_path, {}, 0, tensorboard=False)
    with Path("/dev/full").open("a") as full:
        os.dup2(full.fileno(), run_log._log.fileno())
    run_log.numbers(1, {"loss": 1.0})
    run_log.sentence(2, "hello")
    run_log.close()
    assert capsys.readouterr().err.count("the log cannot be written") == 1
