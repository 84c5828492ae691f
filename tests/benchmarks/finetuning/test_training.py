import json
import os
import signal
import subprocess
import sys

import pytest
import torch

from benchmarks.finetuning.training import Training, even_batches
from tests.data.images import bench, said
from vos.errors import InputError

FAST = ["--epochs", 2, "--train-batch", 6, "--warmup-epochs", 0, "--lr", 0.02]


def arguments(place):
    sets = ["--train", place / "train", "--test", place / "test"]
    return ["finetune", *sets, "--weights", place / "vit.pth", "--size", 64, "--workers", 0]


def results(out):
    return json.loads((out / "results.json").read_text())["results"]


def test_batches_are_even():
    assert even_batches(10, 4, 1, True) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert even_batches(10, 5, 2, False) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert even_batches(3, 100, 1, True) == [[0, 1]]
    with pytest.raises(InputError, match="too few"):
        even_batches(3, 100, 2, True)


def test_resumed_training_ends_where_an_unbroken_one_does(place, tmp_path, monkeypatch, capsys):
    assert bench(*arguments(place), *FAST, "-o", tmp_path / "whole") == 0
    real, done = Training._step, []

    def step(self, *batch):
        done.append(1)
        if len(done) == 3:  # the first step of the second epoch
            os.kill(os.getpid(), signal.SIGTERM)
        return real(self, *batch)

    monkeypatch.setattr(Training, "_step", step)
    assert bench(*arguments(place), *FAST, "-o", tmp_path / "broken") == 143
    assert "stopped in epoch 2" in capsys.readouterr().out
    monkeypatch.undo()
    assert bench(*arguments(place), *FAST, "-o", tmp_path / "broken") == 0
    assert results(tmp_path / "broken") == results(tmp_path / "whole")
    whole, broken = (torch.load(tmp_path / n / "finetuned.pth") for n in ("whole", "broken"))
    for name, value in whole.items():
        torch.testing.assert_close(broken[name], value)


@pytest.mark.gpu
def test_loader_workers_feed_a_gpu(place, tmp_path):
    settings = [*FAST, "--device", "cuda", "--workers", 2]
    assert bench(*arguments(place), *settings, "-o", tmp_path) == 0
    assert results(tmp_path)["classes"] == 3


def test_bfloat16_passes(place, tmp_path):
    assert bench(*arguments(place), *FAST, "--amp", "bf16", "-o", tmp_path) == 0
    assert results(tmp_path)["classes"] == 3


@pytest.mark.slow
def test_processes_share_each_batch(place, tmp_path):
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    launch += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0"]
    script = tmp_path / "bench.py"
    script.write_text(
        "from vos.cli.verbs import Verb, run_verbs; import sys; sys.exit(run_verbs("
        "'b', '', [Verb('finetune', '', 'benchmarks.finetuning.finetune:Finetune')], sys.argv[1:]))"
    )
    given = [str(a) for a in (*arguments(place), *FAST, "--drop-path", 0, "-o", tmp_path / "two")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*launch, str(script), *given, "--epochs", "1"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("epoch 1: top-1") == 1


def test_state_of_other_settings_or_damaged(place, tmp_path, capsys):
    given = [*arguments(place), *FAST, "-o", tmp_path]
    assert bench(*given, "--epochs", 1) == 0
    assert bench(*given) == 2
    assert "other data, weights or settings" in said(capsys)
    (tmp_path / "finetune.pth").write_bytes(b"broken")
    assert bench(*given) == 2
    assert "cannot be read as the state" in said(capsys)


def test_loss_that_is_not_finite_ends_the_run(place, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        "benchmarks.finetuning.training.F.cross_entropy",
        lambda *_: torch.tensor(float("nan"), requires_grad=True),
    )
    assert bench(*arguments(place), *FAST, "-o", tmp_path) == 2
    assert "the loss is nan in epoch 1; use --amp bf16" in said(capsys)
