"""k-NN accuracy by hand, and the classes of a folder."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from pretrain.probes.knn import knn_accuracy, labeled_images
from pretrain.sources.mixture import Mixture
from tests.pretrain.runs import labeled, photos, tiny_vit
from vos.errors import InputError

__all__ = ["labeled", "photos", "tiny_vit"]


def test_knn_by_hand():
    east, north = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    rows = [east, east, east, north, north, north, north, north, east, east]
    features = torch.stack(rows)
    labels = np.array([0, 0, 0, 1, 1, 0, 1, 1, 0, 0])
    result = knn_accuracy(features, labels)
    assert result == {"knn_top1": 0.5, "knn_top5": 1.0}


def test_knn_votes_are_weighted_by_similarity():
    known = F.normalize(torch.tensor([[1.0, 0.05], [0.5, 1.0], [0.5, 1.0], [0.5, 1.0]]), dim=-1)
    features = torch.cat([torch.tensor([[1.0, 0.0]]), known])
    assert knn_accuracy(features, np.array([0, 0, 1, 1, 1]))["knn_top1"] == 1.0


def test_classes_are_the_folders(labeled):
    chosen, labels = labeled_images(Mixture([str(labeled)]))
    assert len(chosen) == 13 and sorted(np.bincount(labels)) == [6, 7]


def test_one_class_is_refused(photos):
    with pytest.raises(InputError, match="two class folders"):
        labeled_images(Mixture([str(photos)]))
