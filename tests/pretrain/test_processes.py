"""The command line as real processes: signals, several ranks, a rank that dies."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.pretrain.runs import photos

__all__ = ["photos"]
ROOT = Path(__file__).resolve().parents[2]
TINY = [
    *("--arch", "vit_tiny", "--out-dim", "16", "--head-hidden-dim", "16", "--epochs", "2"),
    *("--global-crops-size", "32", "--local-crops-size", "16", "--local-crops-number", "1"),
    *("--batch-size-per-gpu", "4", "--warmup-epochs", "0", "--device", "cpu"),
    *("--num-workers", "0", "--no-tensorboard", "--probe-epochs", "0", "--threads", "1"),
]


def start(arguments, **options):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def test_sigterm_to_the_real_command_saves_and_exits(photos, tmp_path):
    arguments = ["train", "--data-path", str(photos), "--output-dir", str(tmp_path), *TINY]
    process = start(["-m", "pretrain", *arguments, "--epochs", "500"])
    log = tmp_path / "log.jsonl"
    for _ in range(600):
        if log.exists() and log.stat().st_size:
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 143, said
    assert "go on with --resume auto" in said
    assert (tmp_path / "checkpoint.pth").is_file()


LAUNCH = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
EXACT = ["--precision", "fp32", "--optimizer", "sgd", "--drop-path-rate", "0", "--log-steps", "1"]


def losses(folder):
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [line["loss"] for line in lines if "loss" in line]


@pytest.mark.slow
def test_torchrun_gives_the_losses_of_one_process(photos, tmp_path):
    for name, launch, batch in (("one", [], "4"), ("two", LAUNCH, "2")):
        arguments = ["--data-path", str(photos), "--output-dir", str(tmp_path / name)]
        settings = [*TINY, *EXACT, "--batch-size-per-gpu", batch]
        done = start([*launch, "-m", "pretrain", "train", *arguments, *settings])
        _, said = done.communicate(timeout=300)
        assert done.returncode == 0, said
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), rel=1e-5)


@pytest.mark.slow
def test_a_rank_that_dies_ends_the_others_with_a_message(photos, tmp_path):
    arguments = ["train", "--data-path", str(photos), *TINY, "--batch-size-per-gpu", "2"]
    dying = tmp_path / "dying.py"
    dying.write_text(
        "import os, sys\n"
        "from pretrain.training import learner\n"
        "take = learner.Learner.step\n"
        "def step(self, crops):\n"
        "    if self.step_index == 2 and os.environ['RANK'] == '1':\n"
        "        os._exit(9)\n"
        "    return take(self, crops)\n"
        "learner.Learner.step = step\n"
        "from pretrain.cli import main\n"
        "main()\n"
    )
    done = start([*LAUNCH, str(dying), *arguments, "--output-dir", str(tmp_path / "dead")])
    _, said = done.communicate(timeout=300)
    assert done.returncode != 0 and "another process of the run is gone" in said
