import numpy as np
import pytest

from vos.interactive.frame_nodes import FrameNodes
from vos.interactive.object_scores import ObjectScores
from vos.interactive.settings import ClickSettings

ROWS, COLUMNS = 12, 20


@pytest.fixture
def square():
    """A frame whose nodes (4..7, 8..12) have features of their own, and a little noise."""
    random = np.random.default_rng(0)
    features = random.normal(0, 0.05, (8, ROWS, COLUMNS)).astype(np.float32)
    features[0] += 1
    features[0, 4:8, 8:13] -= 1
    features[1, 4:8, 8:13] += 1
    image = np.full((ROWS * 8, COLUMNS * 8, 3), 60, np.uint8)
    image[32:64, 64:104] = (180, 160, 40)
    truth = np.zeros((ROWS, COLUMNS), bool)
    truth[4:8, 8:13] = True
    settings = ClickSettings(short_nodes=ROWS)
    return ObjectScores(FrameNodes(image, features, settings), settings), truth


def labels_of(**signs):
    labels = np.zeros((ROWS, COLUMNS), np.int8)
    for (row, column), sign in signs.get("at", {}).items():
        labels[row, column] = sign
    return labels.ravel()


def test_one_positive_node_gives_all_that_looks_like_it(square):
    scores, truth = square
    likely = scores.probabilities(labels_of(at={(5, 10): 1})).reshape(ROWS, COLUMNS)
    assert likely.dtype == np.float32 and likely.min() >= 0 and likely.max() <= 1
    np.testing.assert_array_equal(likely > 0.5, truth)


def test_drawn_nodes_keep_their_labels(square):
    scores, _ = square
    likely = scores.probabilities(labels_of(at={(5, 10): 1, (6, 11): -1, (1, 1): 1}))
    likely = likely.reshape(ROWS, COLUMNS)
    assert likely[5, 10] > 0.95 and likely[1, 1] > 0.95 and likely[6, 11] < 0.05


def test_a_first_guess_takes_the_place_of_positive_nodes(square):
    scores, truth = square
    guess = np.zeros((ROWS, COLUMNS), np.float32)
    guess[3:9, 7:14] = 1
    nothing = np.zeros(guess.size, np.int8)
    likely = scores.probabilities(nothing, guess.ravel(), guess.ravel() == 0)
    likely = likely.reshape(ROWS, COLUMNS)
    np.testing.assert_array_equal(likely > 0.5, truth)


def test_many_drawn_nodes_are_thinned_and_count_in_the_walk(square):
    scores, truth = square
    labels = np.where(truth, 1, -1).astype(np.int8).ravel()
    likely = scores.probabilities(labels).reshape(ROWS, COLUMNS)
    np.testing.assert_array_equal(likely > 0.5, truth)
