import numpy as np
import pytest

from benchmarks.davis.best_and_worst import best_and_worst, draw_truth, frame_means
from vos.datasets.loading import load_dataset
from vos.evaluation.scores import ObjectScore, SequenceScore


def score(name, number, j, f):
    frames = tuple(f"{t:05d}" for t in range(1, 1 + len(j)))
    return ObjectScore(name, number, number, None, frames, np.array(j), np.array(f))


def test_best_and_worst_frames_are_of_the_mean_over_objects(run):
    data, folder = run
    sequence = load_dataset(data).sequences[0]
    scores = SequenceScore(
        sequence.name,
        (score("bear", 1, [0.9, 0.5, 0.2], [0.9, 0.5, 0.2]),
         score("bear", 2, [0.1, 0.9, 0.6], [0.2, 0.9, 0.6])),
    )  # fmt: skip
    assert frame_means(scores)["00001"] == pytest.approx((0.5, 0.55))
    best, worst = best_and_worst(scores, sequence, folder / "masks", width=48)
    assert (best.frame, worst.frame) == ("00002", "00003")
    assert (best.j, best.f) == pytest.approx((0.7, 0.7))
    assert best.image.shape == (32, 48, 3)


def test_the_truth_is_outlined_in_white_on_black():
    truth = np.zeros((40, 60), np.uint8)
    truth[10:30, 20:50] = 3
    truth[0:5, 0:5] = 255  # void has no outline
    drawn = draw_truth(np.full((40, 60, 3), 128, np.uint8), truth, 100)
    assert drawn.shape == (40, 60, 3)
    assert (drawn[10, 30] > 200).all()
    assert (drawn[8:13, 30] < 128).any()
    assert (drawn[20, 35] == 128).all()
    assert (drawn[2, 2] == 128).all()
