"""Batches: the same whatever the number of workers and processes; broken images are replaced."""

import itertools
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.speed.loader import photo_jpegs
from pretrain.config.pretrain_config import PretrainConfig
from pretrain.data.dataset import Batch, CropDataset
from pretrain.data.device_batches import DeviceBatches, WorkersDiedError, to_device
from pretrain.data.loader import StepSampler, build_loader, cores_left, steps_per_epoch
from pretrain.sources.mixture import Mixture
from tests.pretrain.data.test_augmentations import photo
from tests.pretrain.sources.test_videos import make_video
from vos.errors import InputError

CONFIG = PretrainConfig(
    global_crops_size=32, local_crops_size=16, local_crops_number=2, epochs=2, warmup_epochs=0.0
)


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, data in enumerate(photo_jpegs([photo(50, 60, s) for s in range(11)], 48)):
        (folder / f"{number}.jpg").write_bytes(data)
    return folder


def loader(folder, *, workers=0, first_step=0, rank=0, size=1, share=4, parts=1, colors=True):
    mixture = Mixture([str(folder)])
    sampler = StepSampler(
        mixture,
        seed=0,
        steps_per_epoch=2,
        first_step=first_step,
        steps=4,
        share=share,
        parts=parts,
        rank=rank,
        size=size,
    )
    return build_loader(CropDataset(mixture, CONFIG, colors), sampler, workers, False)


def crops(*args, **kwargs):
    return [batch.crops for batch in loader(*args, **kwargs)]


def assert_same(one, other):
    assert len(one) == len(other)
    for left, right in zip(one, other, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(left, right, strict=True))


def test_a_batch_holds_each_crop_of_each_image(photos):
    first = crops(photos)[0]
    assert [tuple(c.shape) for c in first] == [(4, 32, 32, 3)] * 2 + [(4, 16, 16, 3)] * 2
    assert first[0].dtype == torch.uint8


@pytest.mark.parametrize("workers", [1, 3])
def test_the_number_of_workers_changes_nothing(photos, workers):
    assert_same(crops(photos), crops(photos, workers=workers))


@pytest.mark.parametrize(
    ("cores", "processes", "left"), [(1, 1, 1), (2, 1, 1), (8, 2, 3), (64, 1, 10), (4, 8, 1)]
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


def test_epochs_and_crops_differ(photos):
    batches = crops(photos)
    assert not torch.equal(batches[0][0], batches[2][0])
    assert not torch.equal(batches[0][0], batches[0][1])


def test_broken_images_are_replaced_and_listed(photos):
    (photos / "3.jpg").write_bytes(b"junk")
    (photos / "4.jpg").write_bytes((photos / "5.jpg").read_bytes()[:300])
    batches = list(loader(photos))
    broken = {name for batch in batches for name, _ in batch.broken}
    assert broken and broken <= {"3.jpg", "4.jpg"}
    assert all(len(batch.crops[0]) == 4 for batch in batches)
    assert_same([b.crops for b in batches], crops(photos, workers=2))


@pytest.mark.parametrize("workers", [0, 1])
def test_all_images_broken_is_an_error(photos, workers):
    for path in photos.iterdir():
        path.write_bytes(b"junk")
    batches = DeviceBatches(lambda _: loader(photos, workers=workers), 0, torch.device("cpu"))
    with pytest.raises(InputError, match=r"^50 samples drawn .*\(not an image\).* check-data"):
        batches.next()


def test_images_smaller_than_a_crop_are_enlarged(tmp_path):
    from PIL import Image

    for number in range(8):
        Image.new("RGB", (5, 3), (9, 9, 9)).save(tmp_path / f"{number}.png")
    assert crops(tmp_path)[0][0].shape == (4, 32, 32, 3)


def test_frames_of_a_video_are_cropped_too(tmp_path):
    make_video(tmp_path / "clip.mp4")
    assert crops(tmp_path)[0][2].shape == (4, 16, 16, 3)


def test_colours_on_the_device_are_near_those_of_the_workers(photos):
    worker = next(iter(loader(photos)))
    device = next(iter(loader(photos, colors=False)))
    assert len(device.tables) == 4 and device.tables[0].shape == (4, 12)
    cpu = torch.device("cpu")
    for one, other in zip(to_device(worker, cpu, 3), to_device(device, cpu, 3), strict=True):
        assert one.shape == other.shape and one.dtype == torch.float32
        assert (one - other).abs().mean() * 0.226 * 255 < 2


def test_an_epoch_needs_one_full_step():
    assert steps_per_epoch(11, 4) == 2
    with pytest.raises(InputError, match=r"3 samples do not fill one step of 4"):
        steps_per_epoch(3, 4)


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
