"""Batches: the same whatever the number of workers and processes."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from pretrain.data.loader import cores_left, steps_per_epoch
from tests.pretrain.data.batches import assert_same, crops, loader
from vos.errors import InputError


@pytest.mark.parametrize("workers", [1, 3])
def test_the_number_of_workers_changes_nothing(photos, workers):
    assert_same(crops(photos), crops(photos, workers=workers))


@pytest.mark.parametrize(
    ("cores", "processes", "left"),
    [(1, 1, 1), (2, 1, 1), (8, 2, 3), (64, 1, 63), (192, 8, 23), (4, 8, 1)],
)
def test_workers_are_as_many_as_cores_are_left(monkeypatch, cores, processes, left):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(processes))
    assert cores_left() == left


def test_a_loader_may_start_at_any_step(photos):
    assert_same(crops(photos)[3:], crops(photos, first_step=3))


def test_processes_share_the_steps_of_one(photos):
    halves = [crops(photos, rank=rank, size=2, share=2) for rank in range(2)]
    joined = [
        [torch.cat(pair) for pair in zip(*step, strict=True)] for step in zip(*halves, strict=True)
    ]
    assert_same(crops(photos), joined)


def test_epochs_and_crops_differ(photos):
    batches = crops(photos)
    assert not torch.equal(batches[0][0], batches[2][0])
    assert not torch.equal(batches[0][0], batches[0][1])


def test_an_epoch_needs_one_full_step():
    assert steps_per_epoch(11, 4) == 2
    with pytest.raises(InputError, match=r"3 samples do not fill one step of 4"):
        steps_per_epoch(3, 4)


def alive(process):
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def killed_while_loading(folder):
    """Start loading with two workers, name them, and end as the kernel ends a process."""
    batches = iter(loader(folder, workers=2))
    next(batches)
    print(*(child.pid for child in multiprocessing.active_children()), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_workers_end_with_a_training_process_that_is_killed(photos):
    code = f"import tests.pretrain.data.test_loader as t; t.killed_while_loading({str(photos)!r})"
    killed = subprocess.run(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
        check=False,
    )
    workers = killed.stdout.split()
    assert killed.returncode == -signal.SIGKILL and len(workers) == 2
    for _ in range(100):
        if not any(map(alive, workers)):
            return
        time.sleep(0.1)
    pytest.fail("the workers live on")
