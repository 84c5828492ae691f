"""Signals, flags over processes, and joining a group as torchrun describes it."""

import pytest
import torch

from pretrain import distributed
from pretrain.distributed import (
    in_any_process,
    joined_processes,
    lost_another_process,
    wait_for_all,
)
from vos.errors import InputError


def test_one_process_joins_nothing(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined_processes("cpu") as alone:
        assert (alone.rank, alone.size, alone.device.type) == (0, 1, "cpu")
        assert alone.leads and not torch.distributed.is_initialized()
        assert in_any_process([True, False], alone.device) == [True, False]
        wait_for_all()


def test_torchruns_environment_is_joined(monkeypatch):
    environment = {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    calls = []
    monkeypatch.setattr(distributed.dist, "init_process_group", lambda *a, **k: calls.append(a[0]))
    monkeypatch.setattr(distributed.dist, "destroy_process_group", lambda: calls.append("left"))
    monkeypatch.setattr(distributed.dist, "get_rank", lambda: 1)
    with joined_processes("cpu") as one:
        assert (one.rank, one.size, one.leads) == (1, 2, False)
    assert calls == ["gloo", "left"]


def test_a_process_that_fails_does_not_wait_for_the_others(monkeypatch, tmp_path):
    """NCCL's leave-taking waits for ranks that sit in a collective until their time-out."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(tmp_path / "error.json"))
    calls = []
    monkeypatch.setattr(distributed.dist, "init_process_group", lambda *a, **k: None)
    monkeypatch.setattr(distributed.dist, "destroy_process_group", lambda: calls.append("left"))
    monkeypatch.setattr(distributed.dist, "get_rank", lambda: 1)
    with pytest.raises(ValueError, match="the cause"), joined_processes("cpu"):
        raise ValueError("the cause")
    assert not calls
    assert "ValueError: the cause" in (tmp_path / "error.json").read_text()


def test_each_process_takes_its_own_gpu(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(distributed, "resolve_device", torch.device)
    with pytest.raises(InputError, match="give --device cuda"), joined_processes("cuda:0"):
        pass
    monkeypatch.setenv("WORLD_SIZE", "1")
    taken, joined = [], []
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    monkeypatch.setattr(
        distributed.dist, "init_process_group", lambda b, **k: joined.append((b, k["device_id"]))
    )
    monkeypatch.setattr(distributed.dist, "destroy_process_group", lambda: None)
    monkeypatch.setattr(distributed.dist, "get_rank", lambda: 1)
    with joined_processes("cuda:1") as alone:
        assert alone.device == torch.device("cuda:1") and not joined
    monkeypatch.setenv("WORLD_SIZE", "2")
    with joined_processes("cuda") as one:
        assert one.device == torch.device("cuda:1")
    assert taken == [torch.device("cuda:1")] * 2
    assert joined == [("nccl", torch.device("cuda:1"))]


@pytest.mark.parametrize(
    ("words", "lost"),
    [("[gloo] Connection closed by peer [::1]:3", True), ("size mismatch", False)],
)
def test_a_lost_process_is_told_from_other_errors(words, lost):
    assert lost_another_process(RuntimeError(words)) is lost
