import pytest

from benchmarks.rounds.results import figures_of


def outcome(j, f, correction=None):
    return {"objects": {"1": {"J": j, "F": f, "worst_J": j / 2}}, "correction": correction}


def record(*outcomes):
    return {"name": "bear", "mode": "protocol", "seconds": 2.0, "rounds": list(outcomes)}


def test_figures_are_means_over_objects_and_a_right_sequence_counts_on():
    click = {"j_before": 0.2, "j_after": 0.6}
    right, wrong = record(outcome(1.0, 1.0)), record(outcome(0.4, 0.6), outcome(0.6, 0.8, click))
    figures = figures_of([right, wrong], 2)
    assert figures["objects"] == 2 and figures["seconds"] == 4
    assert figures["J"] == pytest.approx([0.7, 0.8, 0.8])
    assert figures["F"] == pytest.approx([0.8, 0.9, 0.9])
    assert figures["J&F"] == pytest.approx([0.75, 0.85, 0.85])
    assert figures["worst_J"] == pytest.approx([0.35, 0.4, 0.4])
    assert figures["corrections"] == 1
    assert figures["gain_of_a_correction"] == pytest.approx(0.4)
