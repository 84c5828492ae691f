"""Batches on the device: steps in parts, errors of workers, workers that die."""

import itertools
import multiprocessing
import os
import re
import signal

import numpy as np
import pytest
import torch

from pretrain.data.dataset import Batch, SampleError
from pretrain.data.device_batches import DeviceBatches, WorkersDiedError, to_device
from pretrain.sources.archives import FolderSource
from tests.pretrain.data.batches import loader
from vos.errors import InputError


def test_a_large_step_comes_in_parts(photos):
    def batches(parts):
        return DeviceBatches(
            lambda _: loader(photos, parts=parts), 0, torch.device("cpu"), parts=parts
        )

    assert [batch.crops[0].shape[0] for batch in loader(photos, parts=2)] == [2] * 8
    assert len(loader(photos, parts=2)) == 8
    whole, parts = batches(1), batches(2)
    for _ in range(4):
        for one, other in zip(whole.next(), parts.next(), strict=True):
            assert torch.equal(one, other)


@pytest.mark.parametrize("workers", [0, 1])
def test_all_images_broken_is_an_error(photos, workers):
    for path in photos.iterdir():
        path.write_bytes(b"junk")
    batches = DeviceBatches(lambda _: loader(photos, workers=workers), 0, torch.device("cpu"))
    with pytest.raises(InputError, match=r"^50 samples drawn .*\(not an image\).* check-data"):
        batches.next()


@pytest.mark.parametrize("workers", [0, 1])
def test_an_unforeseen_error_names_the_sample_in_one_line(photos, workers):
    loading = loader(photos, workers=workers)
    names = [path.name for path in photos.iterdir()]
    loading.dataset.mixture.sources = [Tripping(photos, names)]
    batches = DeviceBatches(lambda _: loading, 0, torch.device("cpu"))
    with pytest.raises(SampleError) as caught:
        batches.next()
    said = str(caught.value)
    assert re.fullmatch(
        r"the sample .*\.jpg cannot be used: ValueError: one of two lines "
        r"\(test_device_batches\.py, line \d+\)",
        said,
    )


class Tripping(FolderSource):
    """A source whose reading meets an error that nobody foresaw."""

    def read(self, index, random):
        raise ValueError("one\nof two lines")


class Dying:
    """A loader with an error at its first batch (or the next), so many times."""

    def __init__(self, times, error=None, at=0):
        text = "DataLoader worker (pid 7) is killed by signal: Killed."
        self.times = times
        self.error = error or RuntimeError(text)
        self.at = at
        self.starts = []

    def __call__(self, first_step):
        self.starts.append(first_step)
        return self

    def __iter__(self):
        for number in itertools.count():
            if self.times and number >= self.at:
                self.times -= 1
                raise self.error
            crop = torch.full((1, 8, 8, 3), number, dtype=torch.uint8)
            yield Batch([crop], [], [("x.jpg", "why")])


def test_a_dead_worker_is_replaced_at_the_same_step(capsys):
    dying = Dying(2)
    batches = DeviceBatches(dying, 5, torch.device("cpu"))
    assert batches.next()[0].shape == (1, 3, 8, 8)
    assert dying.starts == [5, 5, 5] and batches.step == 6
    assert "worker died" in capsys.readouterr().err
    assert batches.broken == {"x.jpg": "why"} and batches.take_wait_seconds() >= 0


def test_a_worker_that_dies_within_a_step_costs_the_step_nothing():
    whole = DeviceBatches(Dying(0), 5, torch.device("cpu"), parts=3).next()
    dying = Dying(1, ConnectionResetError(), at=2)
    again = DeviceBatches(dying, 5, torch.device("cpu"), parts=3).next()
    assert dying.starts == [5, 5] and torch.equal(whole[0], again[0]) and len(again[0]) == 3


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("Caught RuntimeError in DataLoader worker process 0.\nbad"), "Caught"),
        (RuntimeError("size mismatch"), "size mismatch"),
        (OSError("Caught OSError in DataLoader worker process 0.\nOSError: disk full"), "^disk"),
        (PermissionError("no"), "^no$"),
    ],
)
def test_an_error_is_no_death_of_a_worker(error, said):
    failing = Dying(1, error)
    with pytest.raises(type(error), match=said):
        DeviceBatches(failing, 0, torch.device("cpu")).next()
    assert len(failing.starts) == 1


def test_workers_that_keep_dying_are_an_error():
    with pytest.raises(WorkersDiedError, match="--num-workers"):
        DeviceBatches(Dying(99), 0, torch.device("cpu")).next()


def test_a_killed_worker_process_is_replaced(photos):
    batches = DeviceBatches(
        lambda step: loader(photos, workers=1, first_step=step), 0, torch.device("cpu")
    )
    first = batches.next()
    for child in multiprocessing.active_children():
        os.kill(child.pid, signal.SIGKILL)
    rest = [batches.next() for _ in range(3)]
    expected = [to_device(batch, torch.device("cpu"), 3) for batch in loader(photos)]
    for one, other in zip([first, *rest], expected, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert np.isfinite(first[0].numpy()).all()
