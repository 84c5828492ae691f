import pytest

from benchmarks.clicks.results import figures_of


def row(overlaps, seconds=1.0):
    return {"overlaps": overlaps, "seconds": seconds, "ready_seconds": 0.5}


def test_figures_are_means_over_objects():
    figures = figures_of([row([0.5, 0.86, 0.92]), row([0.4] * 5, 3.0)], 5)
    assert figures["objects"] == 2
    assert figures["clicks_to_0.85"] == (2 + 5) / 2 and figures["clicks_to_0.90"] == (3 + 5) / 2
    assert figures["failures_0.85"] == figures["failures_0.90"] == 1
    assert figures["mean_overlaps"] == pytest.approx([0.45, 0.63, 0.66, 0.66, 0.66])
    assert figures["seconds_a_click"] == pytest.approx(4 / 8)
    assert figures["ready_seconds"] == 0.5


def test_a_mark_reached_by_the_last_click_is_no_failure():
    figures = figures_of([row([0.1] * 19 + [0.87])], 20)
    assert figures["clicks_to_0.85"] == 20
    assert (figures["failures_0.85"], figures["failures_0.90"]) == (0, 1)
