"""The sharing out of work: alone, and what it says of devices."""

import pytest
import torch

from vos.errors import InputError
from vos.runtime import distributed
from vos.runtime.distributed import Team, team


def test_without_torchrun_there_is_one_process(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with team() as alone:
        assert (alone.rank, alone.size, alone.leads) == (0, 1, True)


def test_a_process_that_fails_does_not_wait_for_the_others(monkeypatch):
    for name, value in {"WORLD_SIZE": "2", "RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    calls = []
    store = torch.distributed.HashStore()
    monkeypatch.setattr(distributed.dist, "rendezvous", lambda _url: iter([(store, 1, 2)]))
    monkeypatch.setattr(distributed.dist, "init_process_group", lambda *a, **k: None)
    monkeypatch.setattr(distributed.dist, "destroy_process_group", lambda: calls.append("left"))
    with pytest.raises(ValueError, match="the cause"), team():
        raise ValueError("the cause")
    assert not calls
    with team() as one:
        assert one.rank == 1
    assert calls == ["left"]


def test_one_process_takes_all_shares_in_order():
    alone = Team()
    assert list(alone.shares(3)) == [0, 1, 2]
    assert list(alone.shares(2)) == [0, 1]


class Store:
    """Counts as torch's stores do."""

    def __init__(self):
        self.counts = {}

    def add(self, key, n):
        self.counts[key] = self.counts.get(key, 0) + n
        return self.counts[key]


def test_several_processes_take_each_share_once():
    store = Store()
    processes = [Team(rank, 2, rank, store) for rank in range(2)]
    first, second = (process.shares(5) for process in processes)
    taken = [next(first), next(second), next(second), next(first), next(first)]
    assert taken == [0, 1, 2, 3, 4]
    assert list(first) == list(second) == []


def test_counters_made_in_the_same_order_are_shared():
    store = Store()
    a, b = (Team(rank, 2, rank, store).counter() for rank in range(2))
    assert (a(1), b(2), a(1)) == (1, 3, 4)
    assert Team().counter()(5) == 5


def test_alone_values_come_back_and_errors_stay_what_they_are():
    alone = Team()
    assert alone.gather("x") == ["x"]
    assert alone.from_leader(lambda: 3) == 3
    assert alone.one_at_a_time(lambda: 4) == 4

    def fail():
        raise InputError("no")

    for call in (alone.from_leader, alone.one_at_a_time):
        with pytest.raises(InputError, match="no"):
            call(fail)


def test_each_process_of_a_machine_gets_its_own_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    current = []
    monkeypatch.setattr(torch.cuda, "set_device", current.append)
    devices = [Team(rank, 4, rank, Store()).device("auto") for rank in range(3)]
    assert devices == ["cuda:0", "cuda:1", "cuda:0"]
    assert current == devices  # no process opens a context on another's GPU
    assert Team(1, 2, 1, Store()).device("cpu") == "cpu"
    assert Team().device("auto") == "auto"
