"""Collapse is told in a sentence, a healthy run is left in peace."""

import math

import pytest

from pretrain.monitoring.collapse import CollapseWatch

HEALTHY = {
    "cross_entropy": 4.0,
    "teacher_entropy": 2.0,
    "mean_target_entropy": 4.0,
    "feature_std": 0.8,
    "skipped": 0.0,
}


def said(steps=20, warmup=0, **changes):
    watch = CollapseWatch(out_dim=256, patience=5, warmup=warmup)
    stats = {**HEALTHY, **changes}
    return [text for step in range(1, steps + 1) for text in watch.update(step, stats)]


def test_a_healthy_run_is_left_in_peace():
    assert said() == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"teacher_entropy": math.log(256)}, "uniform"),
        ({"cross_entropy": math.log(256)}, "tells nothing apart"),
        ({"teacher_entropy": 0.01, "mean_target_entropy": 0.02}, "one dimension"),
        ({"teacher_entropy": 0.01}, "certain of every image"),
        ({"feature_std": 0.01}, "look alike"),
    ],
    ids=["uniform", "stuck", "one", "sharp", "spread"],
)
def test_collapse_is_said_with_the_settings_to_change(changes, words):
    sentences = said(6, **changes)
    assert len(sentences) == 1 and words in sentences[0]
    assert any(name in sentences[0] for name in ("teacher_temp", "lr"))


def test_what_is_common_during_the_warm_up_is_told_so():
    early, late = said(10, warmup=8, teacher_entropy=math.log(256))
    assert "common during the warm-up" in early and "ends at step 8" in early
    assert "common" not in late
    (other,) = said(6, warmup=8, feature_std=0.0)
    assert "common" not in other


def test_a_sentence_comes_again_only_after_a_while():
    assert len(said(14, feature_std=0.0)) == 2


def test_skipped_steps_do_not_count():
    watch = CollapseWatch(out_dim=256, patience=5)
    bad = {**HEALTHY, "feature_std": float("nan"), "skipped": 1.0}
    assert not any(watch.update(step, bad) for step in range(50))
    flat = {**HEALTHY, "feature_std": 0.0}
    assert [bool(watch.update(step, flat)) for step in range(5)] == [False] * 4 + [True]
