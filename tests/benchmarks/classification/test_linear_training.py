import json
import os
import signal

import torch

from benchmarks.classification.linear_heads import HeadTraining
from tests.data.images import bench


def results(out):
    return json.loads((out / "results.json").read_text())["results"]


def test_resumed_training_ends_where_an_unbroken_one_does(common, tmp_path, capsys, monkeypatch):
    arguments = ["linear", *common, "--epochs", 2, "--train-batch", 4, "--lr", 0.1, 1.0]
    assert bench(*arguments, "-o", tmp_path / "whole") == 0
    monkeypatch.setattr(HeadTraining, "step", stopping_after(4))  # in the second epoch
    assert bench(*arguments, "-o", tmp_path / "broken") == 130
    assert "the same command goes on" in capsys.readouterr().out
    assert json.loads((tmp_path / "broken/run.json").read_text())["state"] == "stopped"
    assert not (tmp_path / "broken/results.json").exists()
    monkeypatch.undo()
    assert bench(*arguments, "-o", tmp_path / "broken") == 0
    assert results(tmp_path / "broken") == results(tmp_path / "whole")
    states = [torch.load(tmp_path / n / "linear.pth")["heads"] for n in ("broken", "whole")]
    for name, value in states[1].items():
        torch.testing.assert_close(states[0][name], value)


def stopping_after(steps):
    """Return HeadTraining.step that sends Ctrl-C to this process after so many steps."""
    real, done = HeadTraining.step, []

    def step(self, features, labels):
        done.append(1)
        if len(done) == steps:
            os.kill(os.getpid(), signal.SIGINT)
        return real(self, features, labels)

    return step


def test_finished_training_is_not_done_again(common, tmp_path, monkeypatch):
    arguments = ["linear", *common, "--epochs", 1, "--lr", 1.0, "-o", tmp_path]
    assert bench(*arguments) == 0
    first = results(tmp_path)
    monkeypatch.setattr(HeadTraining, "step", None)
    assert bench(*arguments) == 0
    assert results(tmp_path) == first
