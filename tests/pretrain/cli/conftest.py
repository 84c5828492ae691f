"""What the tests of verbs share."""

import pytest

from pretrain.train import TrainResult


@pytest.fixture
def taken(monkeypatch):
    """Keep what `train` was asked for."""
    seen = []

    def fake(config, run_options):
        seen.append((config, run_options))
        return TrainResult(3, True, None, None)

    monkeypatch.setattr("pretrain.train.train", fake)
    return seen
