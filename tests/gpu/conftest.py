"""The GPU that these tests compare with the CPU."""

import pytest
import torch


@pytest.fixture
def gpu():
    return torch.device("cuda")
