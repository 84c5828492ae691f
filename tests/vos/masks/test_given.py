"""Masks as callers give them."""

import numpy as np
import pytest
import torch

from vos.errors import InputError
from vos.masks.given import ids_of
from vos.masks.values import LoadedMask

IDS = np.array([[0, 1], [1, 0]], np.uint8)


@pytest.mark.parametrize(
    "given",
    [
        IDS,
        IDS.astype(bool),
        IDS.astype(np.int64),
        IDS.astype(">u2"),
        LoadedMask(IDS, "gray"),
        torch.from_numpy(IDS),
        torch.from_numpy(IDS).bool(),
    ],
)
def test_all_kinds_are_the_same_ids(given):
    ids = ids_of(given)
    assert ids.dtype == np.uint8
    assert np.array_equal(ids, IDS)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (IDS.tolist(), "the mask is a list; expected an array"),
        ("first.png", "the mask is a str"),
        (IDS.astype(np.float32), "an array of float32; expected object ids"),
        (torch.from_numpy(IDS).bfloat16(), r"a tensor that NumPy does not know \(torch.bfloat16"),
        (torch.from_numpy(IDS).to_sparse(), "torch.sparse_coo.*; expected a dense one of object"),
        (IDS.astype(int) - 1, "values from -1 to 0"),
        (IDS.astype(int) * 300, "values from 0 to 300"),
    ],
)
def test_others_are_named(given, text):
    with pytest.raises(InputError, match=text):
        ids_of(given)
