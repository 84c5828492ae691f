"""What a run shows: log, curves, k-NN, attention."""

import sys
import tarfile
import types
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from pretrain.models.student_teacher import build_backbone
from pretrain.monitoring.curves import plot_curves
from pretrain.monitoring.monitor import memory_gb
from pretrain.monitoring.run_log import RunLog, read_log
from pretrain.probes.attention import attention_sheet
from pretrain.probes.knn import knn_accuracy, labeled_images
from pretrain.probes.probes import Probes
from pretrain.sources.mixture import Mixture
from pretrain.sources.previews import center_crop, read_rgb
from pretrain.train import train
from tests.pretrain.runs import CONFIG, learner_with, photos, settings, tiny_vit
from vos.errors import InputError

__all__ = ["photos", "tiny_vit"]


def test_the_log_is_cut_back_to_where_a_run_goes_on(tmp_path):
    first = RunLog(tmp_path, {}, 0, tensorboard=False)
    for step in range(1, 6):
        first.numbers(step, {"loss": float(step)})
    first.sentence(5, "hello")
    first.close()
    with (tmp_path / "log.jsonl").open("a") as handle:
        handle.write('{"step": 6, "lo')
    RunLog(tmp_path, {}, 3, tensorboard=False).close()
    assert [line["step"] for line in read_log(tmp_path)] == [1, 2, 3]
    RunLog(tmp_path, {}, 0, tensorboard=False).close()
    assert read_log(tmp_path) == []


def test_tensorboard_files_are_written(tmp_path):
    run_log = RunLog(tmp_path, {}, 0)
    run_log.numbers(1, {"loss": 1.0})
    run_log.sentence(1, "hello")
    run_log.picture(1, "attention", np.zeros((4, 4, 3), np.uint8))
    run_log.close()
    assert list((tmp_path / "tensorboard").glob("events*"))


def test_wandb_gets_the_same(tmp_path, monkeypatch):
    calls, opened = [], []
    run = types.SimpleNamespace(
        log=lambda values, step: calls.append((step, values)), finish=lambda: calls.append("end")
    )
    fake = types.SimpleNamespace(
        init=lambda **kw: opened.append(kw) or run, Image=lambda image: image.shape
    )
    monkeypatch.setitem(sys.modules, "wandb", fake)
    for first_step in (0, 0, 7):
        RunLog(tmp_path, {}, first_step, tensorboard=False, wandb_project="p").close()
    first, fresh, resumed = [kw["id"] for kw in opened]
    assert first != fresh == resumed and opened[0]["name"] == tmp_path.name
    calls.clear()
    run_log = RunLog(tmp_path, {}, 0, tensorboard=False, wandb_project="p")
    run_log.numbers(3, {"loss": 1.0})
    run_log.picture(3, "a", np.zeros((4, 4, 3), np.uint8))
    run_log.close()
    assert calls == [(3, {"loss": 1.0}), (3, {"a": (4, 4, 3)}), "end"]


def test_wandb_that_is_not_there_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(InputError, match="pip install wandb"):
        RunLog(tmp_path, {}, 0, tensorboard=False, wandb_project="p")


def test_curves_need_numbers(tmp_path):
    with pytest.raises(InputError, match=r"no log\.jsonl"):
        plot_curves(tmp_path)
    (tmp_path / "log.jsonl").write_text('{"step": 1, "message": "x"}\n')
    with pytest.raises(InputError, match="no numbers yet"):
        plot_curves(tmp_path)
    (tmp_path / "log.jsonl").write_text('{"step": 1, "loss": 2.0, "grad_norm": 1.0}\n')
    assert cv2.imread(str(plot_curves(tmp_path))).shape[2] == 3


def test_knn_by_hand():
    east, north = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    rows = [east, east, east, north, north, north, north, north, east, east]
    features = torch.stack(rows)
    labels = np.array([0, 0, 0, 1, 1, 0, 1, 1, 0, 0])
    result = knn_accuracy(features, labels)
    assert result == {"knn_top1": 0.5, "knn_top5": 1.0}


def test_knn_votes_are_weighted_by_similarity():
    known = F.normalize(torch.tensor([[1.0, 0.05], [0.5, 1.0], [0.5, 1.0], [0.5, 1.0]]), dim=-1)
    features = torch.cat([torch.tensor([[1.0, 0.0]]), known])
    assert knn_accuracy(features, np.array([0, 0, 1, 1, 1]))["knn_top1"] == 1.0


@pytest.fixture
def labelled(photos, tmp_path):
    for number, path in enumerate(sorted(photos.iterdir())):
        folder = tmp_path / "labelled" / f"class{number % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / path.name).write_bytes(path.read_bytes())
    return tmp_path / "labelled"


def test_classes_are_the_folders(labelled):
    chosen, labels = labeled_images(Mixture([str(labelled)]))
    assert len(chosen) == 13 and sorted(np.bincount(labels)) == [6, 7]


def test_one_class_is_refused(photos):
    with pytest.raises(InputError, match="two class folders"):
        labeled_images(Mixture([str(photos)]))


def test_a_probed_image_that_is_broken_is_grey(tmp_path):
    (tmp_path / "x.jpg").write_bytes(b"junk")
    assert (read_rgb(Mixture([str(tmp_path)]), 0) == 128).all()


@pytest.mark.parametrize("shape", [(50, 80), (80, 50), (5, 9), (300, 301)])
def test_the_middle_is_cut(shape):
    image = np.zeros((*shape, 3), np.uint8)
    assert center_crop(image, 32).shape == (32, 32, 3)


def test_attention_is_a_row_an_image(tiny_vit):
    backbone, _ = build_backbone(CONFIG, 0.0)
    images = [np.full((64, 64, 3), 90, np.uint8)] * 2
    sheet = attention_sheet(backbone.eval(), images, CONFIG, torch.device("cpu"))
    assert sheet.shape == (128, 64 * 2, 3) and sheet.dtype == np.uint8


def test_a_run_with_probes(photos, labelled, tmp_path, capsys):
    out = tmp_path / "run"
    run = settings(photos, out, probe_epochs=2, knn_data=str(labelled), tensorboard=True)
    assert train(CONFIG, run).finished
    found = {line["step"]: line["knn_top1"] for line in read_log(out) if "knn_top1" in line}
    assert sorted(found) == [0, 6, 9]
    assert sorted(p.stem[-1] for p in (out / "attention").iterdir()) == ["0", "6", "9"]
    assert "knn_top1" in capsys.readouterr().err


def test_a_look_leaves_the_statistics_of_batch_norm_alone(photos, labelled, tmp_path):
    config = replace(CONFIG, arch="timm:resnet18", drop_path_rate=0.0)
    backbone, _ = build_backbone(config, 0.0)
    learner = learner_with(backbone.train())
    run = settings(photos, tmp_path, knn_data=str(labelled))
    numbers, pictures = Probes(config, run, Mixture([str(photos)])).look(learner, 0)
    assert "knn_top1" in numbers and not pictures
    assert backbone.bn1.num_batches_tracked == 0 and backbone.training


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


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_looks_are_in_the_precision_of_the_run(photos, labelled, tmp_path, precision):
    backbone, _ = build_backbone(CONFIG, 0.0)
    seen = set()
    backbone.blocks[1].attn.qkv.register_forward_hook(lambda *a: seen.add((len(a[2]), a[2].dtype)))
    run = settings(photos, tmp_path, knn_data=str(labelled))
    probes = Probes(CONFIG, run, Mixture([str(photos)]))
    numbers, pictures = probes.look(learner_with(backbone, "cpu", precision), 0)
    dtype = {"bf16": torch.bfloat16, "fp32": torch.float32}[precision]
    assert seen == {(13, dtype), (1, dtype)}  # k-NN in one batch, attention image by image
    assert numbers.keys() == {"knn_top1", "knn_top5"} and pictures["attention"].dtype == np.uint8


def test_pictures_for_attention_may_come_from_a_pipe(photos, tmp_path):
    with tarfile.open(tmp_path / "0.tar", "w") as archive:
        archive.add(photos, "photos")
    run = settings(
        photos,
        tmp_path,
        attention_images=f"pipe:cat {tmp_path}/0.tar",
        samples_per_shard=13,
        shard_cache=tmp_path / "cache",
    )
    assert len(Probes(CONFIG, run, Mixture([str(photos)])).pictures) == 6


def test_the_memory_on_record_is_that_of_the_run_s_device(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device=None: 7e9 * device.index)
    assert memory_gb(torch.device("cuda:2")) == 14
    assert 0.05 < memory_gb(torch.device("cpu")) < 100
