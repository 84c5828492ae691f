"""The command line as real processes: signals, several ranks, a rank that dies."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pretrain_runs import photos

__all__ = ["photos"]
ROOT = Path(__file__).resolve().parent.parent
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


@pytest.mark.slow
def test_torchrun_and_a_rank_that_dies(photos, tmp_path):
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    arguments = ["train", "--data-path", str(photos), "--output-dir", str(tmp_path), *TINY]
    done = start([*launch, "-m", "pretrain", *arguments, "--batch-size-per-gpu", "2"])
    _, said = done.communicate(timeout=300)
    assert done.returncode == 0, said
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) >= 1

    dying = tmp_path / "dying.py"
    dying.write_text(
        "import os, sys\n"
        "from pretrain import learner\n"
        "take = learner.Learner.step\n"
        "def step(self, crops):\n"
        "    if self.step_index == 2 and os.environ['RANK'] == '1':\n"
        "        os._exit(9)\n"
        "    return take(self, crops)\n"
        "learner.Learner.step = step\n"
        "from pretrain.cli import main\n"
        "main()\n"
    )
    out = tmp_path / "dead"
    arguments[arguments.index(str(tmp_path))] = str(out)
    done = start([*launch, str(dying), *arguments, "--batch-size-per-gpu", "2"])
    _, said = done.communicate(timeout=300)
    assert done.returncode != 0 and "another process of the run is gone" in said
