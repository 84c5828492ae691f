import numpy as np
import pytest

from benchmarks.davis.plots import score_bars, score_curves
from vos.evaluation.scores import ObjectScore, SequenceScore


def score(name, number, j, f):
    frames = tuple(f"{t:05d}" for t in range(1, 1 + len(j)))
    return ObjectScore(name, number, number, None, frames, np.array(j), np.array(f))


def test_bars_show_each_object_the_best_first():
    figure = score_bars([score("a", 1, [0.2], [0.4]), score("b", 1, [0.8], [0.6])])
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["b_1", "a_1"]
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([0.8, 0.2, 0.6, 0.4])


def test_curves_are_drawn_at_the_frames_places():
    scores = SequenceScore("a", (score("a", 1, [0.2, 0.3], [0.4, 0.5]),))
    axes = score_curves(scores, [f"{t:05d}" for t in range(4)]).axes[0]
    j, f = axes.get_lines()
    assert j.get_xdata().tolist() == [1, 2]
    assert (j.get_ydata().tolist(), f.get_ydata().tolist()) == ([0.2, 0.3], [0.4, 0.5])
