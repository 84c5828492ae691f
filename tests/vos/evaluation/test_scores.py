"""Scores of objects, sequences and sets."""

import numpy as np
import pytest

from vos.evaluation.rules import ScoringRules
from vos.evaluation.scores import Evaluation, ObjectScore, SequenceScore


def score(sequence, number, j, f):
    frames = tuple(str(t) for t in range(len(j)))
    return ObjectScore(sequence, number, number, None, frames, np.array(j), np.array(f))


@pytest.fixture
def evaluation():
    """Two sequences: one object in the first, two in the second."""
    first = SequenceScore("a", (score("a", 1, [1.0, 1.0], [0.5, 0.5]),))
    objects = (score("b", 1, [0.4, 0.8], [0.0, 1.0]), score("b", 3, [0.0, 0.0], [0.0, 0.0]))
    return Evaluation("a set", "val", ScoringRules(), (first, SequenceScore("b", objects)))


def test_an_object_has_the_mean_of_its_frames(evaluation):
    first = evaluation["b"].objects[0]
    assert (first.name, first.j.mean, first.f.mean) == ("b_1", pytest.approx(0.6), 0.5)
    assert first.jf_mean == pytest.approx(0.55)


def test_a_sequence_has_the_mean_of_its_objects(evaluation):
    assert evaluation["b"].j_mean == pytest.approx(0.3)
    assert evaluation["b"].f_mean == 0.25
    assert evaluation["b"].jf_mean == pytest.approx(0.275)


def test_a_set_has_the_mean_of_its_objects_not_of_its_sequences(evaluation):
    assert [o.name for o in evaluation.objects] == ["a_1", "b_1", "b_3"]
    assert evaluation.j.mean == pytest.approx(1.6 / 3)
    assert evaluation.f.mean == pytest.approx(1 / 3)
    assert evaluation.jf_mean == pytest.approx((1.6 / 3 + 1 / 3) / 2)
    with pytest.raises(KeyError):
        evaluation["c"]
