import pytest
import torch

from benchmarks.classification.knn_voting import knn_accuracy
from vos.errors import InputError


def test_votes_worked_out_by_hand():
    # Unit vectors at angles 0 (class 0), 60 and -60 degrees (class 1), 90 (class 2).
    # For the query at 0 the cosines are 1, 0.5, 0.5, 0.
    def at(*degrees):
        radians = torch.tensor(degrees).deg2rad()
        return torch.stack([radians.cos(), radians.sin()], dim=1)

    train, labels = 3 * at(0.0, 60.0, -60.0, 90.0), torch.tensor([0, 1, 1, 2])
    query, truth = 0.2 * at(0.0), torch.tensor([0])
    # Votes at temperature 1, k = 3: e = 2.72 for class 0, 2 exp(0.5) = 3.30 for class 1.
    # At temperature 0.5: exp(2) = 7.39 against 2 exp(1) = 5.44.
    by_k = knn_accuracy(train, labels, query, truth, ks=(1, 3, 4), temperature=1.0)
    assert [(s.k, s.top1, s.top5) for s in by_k] == [(1, 100, 100), (3, 0, 100), (4, 0, 100)]
    (sharp,) = knn_accuracy(train, labels, query, truth, ks=(3,), temperature=0.5)
    assert sharp.top1 == 100


def test_blocks_give_the_same(monkeypatch):
    torch.manual_seed(0)
    train, test = torch.randn(60, 8), torch.randn(37, 8)
    labels, truth = torch.randint(0, 7, (60,)), torch.randint(0, 7, (37,))
    whole = knn_accuracy(train, labels, test, truth, ks=(5, 20))
    monkeypatch.setattr("benchmarks.classification.knn_voting._SIMILARITIES", 60 * 10)
    seen = []
    blocks = knn_accuracy(train, labels, test, truth, ks=(5, 20), on_block=seen.append)
    assert blocks == whole
    assert seen == [10, 10, 10, 7]


@pytest.mark.parametrize("ks", [(), (0,), (3, 61)])
def test_k_out_of_range(ks):
    features, labels = torch.randn(60, 8), torch.arange(60) % 3
    with pytest.raises(InputError, match="expected 1 to 60"):
        knn_accuracy(features, labels, features, labels, ks=ks)


def test_one_class_and_empty_sets_are_refused():
    features, labels = torch.randn(4, 8), torch.arange(4)
    with pytest.raises(InputError, match="one class"):
        knn_accuracy(features, torch.zeros(4).long(), features, labels, ks=(1,))
    with pytest.raises(InputError, match="test set is empty"):
        knn_accuracy(features, labels, features[:0], labels[:0], ks=(1,))
