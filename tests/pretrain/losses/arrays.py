"""Numbers for the tests of this wing."""

import numpy as np
import torch


def numbers(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape)).float()


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()
