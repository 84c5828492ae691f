"""The checkpoint with the best probe: kept through pruning and resumption, named by its value."""

from dataclasses import replace

import pytest
import torch

from pretrain.monitoring.run_log import read_log
from pretrain.probes.probes import Probes
from pretrain.train import train
from pretrain.training.best import BestCheckpoint, best_checkpoints
from pretrain.training.checkpoints import list_checkpoints, read_training_checkpoint
from tests.pretrain.runs import CONFIG, labeled, photos, settings, tiny_vit
from vos.errors import InputError

__all__ = ["labeled", "photos", "tiny_vit"]


def probes_that_give(values, monkeypatch):
    """Let looks at the teacher after each epoch give these values, by step."""
    monkeypatch.setattr(Probes, "__init__", lambda self, config, run, mixture: None)
    monkeypatch.setattr(Probes, "look", lambda self, _, step: ({"knn_top1": values[step]}, {}))


def settings_with_probes(photos, out, **changes):
    changes = {"probe_epochs": 1, "keep_checkpoints": 1, "keep_best": "knn_top1", **changes}
    return settings(photos, out, knn_data="labelled", **changes)


def names(out):
    return [path.name for path in best_checkpoints(out, "knn_top1")]


def test_the_best_is_kept_through_pruning_and_resumption(photos, tmp_path, monkeypatch, capsys):
    values = {0: 0.2, 3: 0.5, 6: 0.4, 9: 0.5, 12: 0.45, 15: 0.7}
    probes_that_give(values, monkeypatch)
    train(CONFIG, settings_with_probes(photos, tmp_path))
    assert names(tmp_path) == ["best-knn_top1-0.500000-step-00000003.pth"]
    assert [path.stem for path in list_checkpoints(tmp_path)] == ["step-00000009"]
    assert "best knn_top1 so far: 0.500, kept as" in capsys.readouterr().err
    run = settings_with_probes(photos, tmp_path, resume="auto")
    train(replace(CONFIG, epochs=4), run)
    assert names(tmp_path) == ["best-knn_top1-0.500000-step-00000003.pth"]
    kept = read_training_checkpoint(best_checkpoints(tmp_path, "knn_top1")[0])
    assert kept["extras"]["step"] == 3
    train(replace(CONFIG, epochs=5), run)
    assert names(tmp_path) == ["best-knn_top1-0.700000-step-00000015.pth"]


def test_a_value_that_is_no_number_is_never_best(photos, tmp_path, monkeypatch):
    probes_that_give({0: 0.2, 3: float("nan"), 6: 0.1, 9: 0.1}, monkeypatch)
    train(CONFIG, settings_with_probes(photos, tmp_path))
    assert names(tmp_path) == ["best-knn_top1-0.200000-step-00000000.pth"]


def test_a_real_probe_s_value_is_that_of_the_log(photos, labeled, tmp_path):
    run = settings(photos, tmp_path, probe_epochs=1, knn_data=str(labeled), keep_best="knn_top1")
    train(CONFIG, run)
    logged = {line["step"]: line["knn_top1"] for line in read_log(tmp_path) if "knn_top1" in line}
    best = max(logged, key=logged.get)
    assert names(tmp_path) == [f"best-knn_top1-{logged[best]:.6f}-step-{best:08d}.pth"]


def test_a_kill_between_two_names_leaves_the_better_one_counting(tmp_path):
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    for name in ("best-knn_top1-0.300000-step-00000003", "best-knn_top1-0.400000-step-00000006"):
        torch.save({}, folder / f"{name}.pth")
    best = BestCheckpoint(tmp_path, "knn_top1", resumed=True)
    assert not best.improves({"knn_top1": 0.4}) and best.improves({"knn_top1": 0.41})
    torch.save({}, folder / "step-00000009.pth")
    best.keep(folder / "step-00000009.pth", {"knn_top1": 0.41})
    assert names(tmp_path) == ["best-knn_top1-0.410000-step-00000009.pth"]
    assert BestCheckpoint(tmp_path, "knn_top1", resumed=False).improves({"knn_top1": 0.1})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"keep_best": "knn_top1"}, "--knn-data"),
        ({"keep_best": "knn_top1", "knn_data": "a", "probe_epochs": 0}, "--probe-epochs"),
        ({"keep_best": "davis_j_and_f", "probe_epochs": 1}, "--davis-path"),
    ],
)
def test_a_probe_that_nothing_measures_is_refused(photos, tmp_path, given, message):
    with pytest.raises(InputError, match=message):
        settings(photos, tmp_path, **given)
