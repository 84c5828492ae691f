"""The tiny runs: all work here, and a part that gives wrong results is noticed."""

import numpy as np
import pytest

from vos.doctor import trials
from vos.doctor.trials import trial_checks
from vos.propagation.propagator import LabelPropagator


@pytest.fixture
def without_training(monkeypatch):
    monkeypatch.setattr(trials, "_pretrain", lambda *given: "left out")


def states(device="cpu"):
    return {check.name: check.state for check in trial_checks(device)}


def test_every_part_works():
    checks = list(trial_checks("cpu"))
    assert [check for check in checks if check.state != "ok"] == []
    assert len(checks) == 7


def test_a_wrong_mask_is_noticed(monkeypatch, without_training):
    def nothing(self, image, prompt=None):
        return np.zeros(image.shape[:2], np.uint8)

    monkeypatch.setattr(LabelPropagator, "step", nothing)
    state = states()
    assert (state["propagation"], state["vos segment"]) == ("fails", "fails")
    assert state["features"] == "ok"


def test_without_features_the_parts_below_are_left_out(without_training):
    state = states("cuda:99")
    assert state["features"] == "fails"
    assert "propagation" not in state
    assert state["vos evaluate"] == "ok"


def test_a_training_that_fails_says_its_last_line(monkeypatch):
    monkeypatch.setattr(trials, "_features", lambda *given: "left out")
    monkeypatch.setattr(trials.sys, "executable", "/bin/false")
    check = list(trial_checks("cpu"))[-1]
    assert (check.state, check.detail) == ("fails", "RuntimeError: exit status 1: no message")


def test_the_launcher_of_several_processes_is_left_out():
    environment = {"RANK": "1", "SLURM_JOB_ID": "7", "HOME": "/root"}
    assert trials._without_launcher(environment) == {"HOME": "/root"}
