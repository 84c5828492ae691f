"""Callbacks of a run: what they see, and how they end it."""

import pytest

from pretrain.train import train
from tests.pretrain.runs import CONFIG, STEPS, losses, photos, settings, tiny_vit

__all__ = ["photos", "tiny_vit"]


def test_callbacks_see_every_step_and_the_probes(photos, tmp_path):
    reports = []
    run = settings(photos, tmp_path)
    assert train(CONFIG, run, callbacks=[reports.append]).finished
    assert [report.step for report in reports] == list(range(1, STEPS + 1))
    assert {report.steps for report in reports} == {STEPS}
    assert {r.step: r.numbers["loss"] for r in reports} == losses(tmp_path)
    assert reports[-1].learner.teacher.backbone.embed_dim == 64


def test_a_callback_that_returns_true_ends_the_run_with_a_checkpoint(photos, tmp_path):
    seen = []

    def stop(report):
        return report.step == 5

    result = train(CONFIG, settings(photos, tmp_path), callbacks=[stop, seen.append])
    assert (result.steps, result.finished, result.stopped_by) == (5, False, None)
    assert result.checkpoint.name == "step-00000005.pth" and len(seen) == 5
    assert train(CONFIG, settings(photos, tmp_path, resume="auto")).finished


def test_a_callback_s_error_ends_the_run(photos, tmp_path):
    def fail(report):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train(CONFIG, settings(photos, tmp_path), callbacks=[fail])
    assert train(CONFIG, settings(photos, tmp_path)).finished  # the folder is free again
