import pytest
import torch

from benchmarks.retrieval.copy_scores import score_copies
from benchmarks.retrieval.copydays import CopyBlock, Copydays


def test_what_is_beyond_the_list_is_not_found():
    database, query = torch.eye(4), torch.tensor([[0.9, 0.8, 0.7, 0.1]])
    for places, expected in ((4, 0.125), (3, 0)):  # fourth: (0 + 1/4)/2
        copydays = Copydays(None, (CopyBlock("strong", None, (frozenset({3}),)),))
        scores = score_copies(database, [query], copydays, places, None)
        assert scores["strong"] == pytest.approx(expected)
