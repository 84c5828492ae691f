"""Training on two GPUs: a rank that dies, and equality with one process."""

import time

import pytest

from tests.pretrain.runs import photos
from tests.pretrain.test_processes import EXACT, LAUNCH, TINY, dying_program, losses, start

__all__ = ["photos"]
pytestmark = pytest.mark.gpu2
ON_GPUS = ["--device", "cuda"]


@pytest.mark.parametrize("how", ["exception", "kill"])
def test_a_rank_that_dies_ends_the_job_within_a_minute(photos, tmp_path, how):
    arguments = ["train", "--data-path", str(photos), *TINY, *ON_GPUS, "--batch-size-per-gpu", "2"]
    program = dying_program(tmp_path, how, 1)
    begun = time.monotonic()
    done = start([*LAUNCH, str(program), *arguments, "-o", str(tmp_path / "dead")])
    done.communicate(timeout=120)
    assert done.returncode != 0
    assert time.monotonic() - begun < 90  # a start takes half a minute at most


def test_two_gpus_give_the_losses_of_one(photos, tmp_path):
    for name, launch, batch in (("one", [], "4"), ("two", LAUNCH, "2")):
        arguments = ["--data-path", str(photos), "--output-dir", str(tmp_path / name)]
        settings = [*TINY, *EXACT, *ON_GPUS, "--batch-size-per-gpu", batch]
        done = start([*launch, "-m", "pretrain", "train", *arguments, *settings])
        _, printed = done.communicate(timeout=300)
        assert done.returncode == 0, printed
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), rel=1e-4)
