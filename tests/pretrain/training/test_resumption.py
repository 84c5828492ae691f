"""Which checkpoint is gone on from: whole ones alone, and one for all processes."""

import random

import pytest
import torch

from pretrain import distributed
from pretrain.distributed import Processes
from pretrain.training.checkpoints import RunFacts, list_checkpoints, save_checkpoint
from pretrain.training.learner import Learner
from pretrain.training.resumption import checkpoint_to_go_back_to, checkpoint_to_resume
from pretrain.training.schedules import build_schedules
from tests.pretrain.runs import CONFIG, settings, tiny_vit
from vos.errors import InputError

__all__ = ["tiny_vit"]
CPU = torch.device("cpu")
ALONE = Processes(0, 1, CPU)


@pytest.fixture
def run(tmp_path):
    """A run with checkpoints of steps 0 and 1."""
    learner = Learner(CONFIG, build_schedules(CONFIG, 3, 4), CPU)
    for step in (0, 1):
        learner.step_index = step
        save_checkpoint(tmp_path, learner, RunFacts(CONFIG, "", "", 4), 3)
    return settings(tmp_path, tmp_path, resume="auto")


def test_a_checkpoint_with_random_bytes_is_never_gone_on_from(run, capsys):
    first, newest = list_checkpoints(run.output_dir)
    whole = newest.read_bytes()
    generator = random.Random(0)
    for place in range(50):
        start = place * (len(whole) - 4096) // 49
        damaged = bytearray(whole)
        damaged[start : start + 4096] = generator.randbytes(4096)
        newest.write_bytes(damaged)
        path, _ = checkpoint_to_resume(run, ALONE)
        assert path == first, f"{start} of {len(whole)}"
        assert f"passing over {newest}" in capsys.readouterr().err
    path, _ = checkpoint_to_go_back_to(newest, ALONE)  # within a run, too
    assert path == first
    first.write_bytes(damaged)
    with pytest.raises(InputError, match="no checkpoint in"):
        checkpoint_to_resume(run, ALONE)
    newest.write_bytes(whole)
    assert checkpoint_to_resume(run, ALONE)[0] == newest


def test_every_process_takes_the_file_that_the_leading_one_chose(run, monkeypatch):
    first, newest = list_checkpoints(run.output_dir)
    monkeypatch.setattr(distributed.dist, "is_initialized", lambda: True)
    sent = []

    def broadcast(values, src):
        assert src == 0
        if sent:
            values[:] = sent
        sent[:] = values

    monkeypatch.setattr(distributed.dist, "broadcast_object_list", broadcast)
    whole = newest.read_bytes()
    newest.write_bytes(whole[:5000])
    assert checkpoint_to_resume(run, Processes(0, 2, CPU))[0] == first
    newest.write_bytes(whole)  # the other process reads it whole from its own node's cache
    assert checkpoint_to_resume(run, Processes(1, 2, CPU))[0] == first


def test_a_refusal_is_printed_by_the_leading_process_alone(run, monkeypatch):
    for path in list_checkpoints(run.output_dir):
        path.write_bytes(path.read_bytes()[:5000])
    monkeypatch.setattr(distributed.dist, "is_initialized", lambda: True)
    sent = []

    def broadcast(values, src):
        values[:] = sent or values
        sent[:] = values

    monkeypatch.setattr(distributed.dist, "broadcast_object_list", broadcast)
    with pytest.raises(InputError, match="no checkpoint in"):
        checkpoint_to_resume(run, Processes(0, 2, CPU))
    with pytest.raises(SystemExit):
        checkpoint_to_resume(run, Processes(1, 2, CPU))
