import torch

from tests.data.landmarks import truth


def test_rows_are_normalised_before_they_are_compared():
    from benchmarks.retrieval.landmark_scores import evaluate_landmarks
    from benchmarks.retrieval.landmark_sets import Landmarks

    database = torch.tensor([[10.0, 10.0], [0.1, 0.0], [9.0, 10.0]])
    landmarks = Landmarks("x", None, None, (truth(easy=[0], hard=[1]),))
    scores = evaluate_landmarks(database, torch.tensor([[3.0, 0.0]]), landmarks)
    assert scores["hard"].mean_ap == 1
