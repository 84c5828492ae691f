"""What a run shows while it runs: looks at the teacher, and the memory."""

import errno
import shutil
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch

from pretrain.monitoring.monitor import memory_gb
from pretrain.monitoring.run_log import read_log
from pretrain.train import train
from tests.pretrain.runs import CONFIG, labeled, photos, settings, tiny_vit
from vos.errors import InputError

__all__ = ["labeled", "photos", "tiny_vit"]


def test_a_run_with_probes(photos, labeled, tmp_path, capsys):
    out = tmp_path / "run"
    run = settings(photos, out, probe_epochs=2, knn_data=str(labeled), tensorboard=True)
    assert train(CONFIG, run).finished
    found = {line["step"]: line["knn_top1"] for line in read_log(out) if "knn_top1" in line}
    assert sorted(found) == [0, 6, 9]
    assert sorted(p.stem[-1] for p in (out / "attention").iterdir()) == ["0", "6", "9"]
    assert "knn_top1" in capsys.readouterr().err


def test_a_run_that_goes_on_is_not_looked_at_again(photos, tmp_path):
    """A start at step 3, where the last look was, must not look a second time."""
    run = settings(photos, tmp_path, probe_epochs=1)
    train(replace(CONFIG, epochs=1), run)
    before = (tmp_path / "attention" / "step-00000003.png").stat().st_mtime_ns
    train(replace(CONFIG, epochs=2), replace(run, resume="auto"))
    assert (tmp_path / "attention" / "step-00000003.png").stat().st_mtime_ns == before
    assert (tmp_path / "attention" / "step-00000006.png").exists()


def test_probe_data_that_cannot_be_used_end_the_run_at_once(photos, tmp_path):
    run = settings(photos, tmp_path, probe_epochs=1, knn_data=str(photos))
    with pytest.raises(InputError, match="two class folders"):
        train(CONFIG, run)


def test_a_full_disk_under_lists_and_curves_does_not_end_a_run(
    photos, tmp_path, monkeypatch, capsys
):
    @contextmanager
    def full(path):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))
        yield

    data = tmp_path / "photos"
    shutil.copytree(photos, data)
    (data / "broken.jpg").write_bytes(b"no picture")
    monkeypatch.setattr("pretrain.monitoring.monitor.atomic_path", full)
    monkeypatch.setattr("pretrain.monitoring.curves.atomic_path", full)
    assert train(CONFIG, settings(data, tmp_path / "run")).finished
    printed = capsys.readouterr().err
    assert "broken_images.txt cannot be written" in printed and "curves cannot be" in printed


def test_the_memory_on_record_is_that_of_the_run_s_device(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device=None: 7e9 * device.index)
    assert memory_gb(torch.device("cuda:2")) == 14
    assert 0.05 < memory_gb(torch.device("cpu")) < 100
