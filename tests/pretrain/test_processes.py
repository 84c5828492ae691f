"""The command line as real processes: signals, several ranks, a rank that dies."""

import json
import os
import signal
import socket
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


DYING = {
    "exception": ("step", "raise ValueError('the disk of rank 1 burns')"),
    "kill": ("step", "os.kill(os.getpid(), 9)"),
    "full-disk": ("save", "raise OSError(28, 'No space left on device')"),
}
"""What one rank does at step 2, or when it saves, by how it dies."""


def dying_program(folder, how, rank):
    """Write the command line with one rank that dies."""
    place, action = DYING[how]
    patch = {
        "step": "take = learner.Learner.step\n"
        "def step(self, crops):\n"
        f"    if self.step_index == 2 and os.environ['RANK'] == '{rank}':\n"
        f"        {action}\n"
        "    return take(self, crops)\n"
        "learner.Learner.step = step\n",
        "save": "save = saving.save_checkpoint\n"
        "def failing(folder, learner, *more):\n"
        "    if learner.step_index == 2:\n"
        f"        {action}\n"
        "    return save(folder, learner, *more)\n"
        "saving.save_checkpoint = failing\n",
    }[place]
    path = folder / "dying.py"
    path.write_text(
        "import os, sys\nfrom pretrain.training import learner, saving\n"
        f"{patch}from pretrain.cli import main\nmain()\n"
    )
    return path


def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return str(listening.getsockname()[1])


@pytest.mark.slow
@pytest.mark.parametrize(
    "death",
    [
        ("exception", 1, "ValueError: the disk of rank 1 burns"),
        ("exception", 0, "ValueError: the disk of rank 1 burns"),
        ("kill", 1, None),
        ("kill", 0, None),
        ("full-disk", 0, "No space left on device"),
    ],
)
def test_a_rank_that_dies_ends_the_job_within_a_minute(photos, tmp_path, monkeypatch, death):
    how, rank, cause = death
    program = dying_program(tmp_path, how, rank)
    # 13 photos, 4 a step: the last checkpoint, which must be written, is that of step 2
    epochs = ["--epochs", "1"] if how == "full-disk" else []
    settings = [*TINY, *epochs, "--batch-size-per-gpu", "3" if how == "full-disk" else "2"]
    arguments = ["train", "--data-path", str(photos), *settings, "-o", str(tmp_path / "dead")]
    for name, value in {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MASTER_PORT", free_port())
    ranks = []
    for number in ("0", "1"):
        monkeypatch.setenv("RANK", number)
        ranks.append(start([str(program), *arguments]))
    last_lines = [rank.communicate(timeout=60)[1].strip().splitlines()[-1:] for rank in ranks]
    assert all(rank.returncode != 0 for rank in ranks)
    survivor = last_lines[1 - rank][0]
    assert "another process of the run is gone" in survivor and "--resume auto" in survivor
    if cause is not None:
        assert cause in last_lines[rank][0]


@pytest.mark.slow
def test_torchrun_ends_with_the_cause(photos, tmp_path):
    arguments = ["train", "--data-path", str(photos), *TINY, "--batch-size-per-gpu", "2"]
    program = dying_program(tmp_path, "exception", 1)
    done = start([*LAUNCH, str(program), *arguments, "--output-dir", str(tmp_path / "dead")])
    _, printed = done.communicate(timeout=60)
    assert done.returncode != 0
    lines = [line for line in printed.splitlines() if line.strip("= -")]
    assert lines[-1].endswith("ValueError: the disk of rank 1 burns")
