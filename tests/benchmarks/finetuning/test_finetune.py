import json
import os
import random
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from timm.layers import DropPath

from benchmarks.features.image_sets import open_classes
from benchmarks.features.transforms import ImageTransform
from benchmarks.finetuning.augmentation import RecipeImages, mixer, seeded
from benchmarks.finetuning.network import optimizer_and_schedule, trainable
from benchmarks.finetuning.recipe import Recipe
from benchmarks.finetuning.training import Training, even_batches
from tests.data.images import bench, said, save_weights, write_classes
from vos.backbones.loading import load_backbone
from vos.errors import InputError

FAST = ["--epochs", 2, "--train-batch", 6, "--warmup-epochs", 0, "--lr", 0.02]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("finetune")
    write_classes(root / "train", 4)
    write_classes(root / "test", 2, start=10)
    save_weights(root / "vit.pth")
    return root


def arguments(place):
    sets = ["--train", place / "train", "--test", place / "test"]
    return ["finetune", *sets, "--weights", place / "vit.pth", "--size", 64, "--workers", 0]


def network(place, **recipe):
    backbone = load_backbone(weights=place / "vit.pth", device="cpu", precision="fp32")
    return trainable(backbone, 3, Recipe(**recipe))


def results(out):
    return json.loads((out / "results.json").read_text())["results"]


def test_network_has_a_classifier_and_drop_path(place):
    model = network(place)
    assert model(torch.zeros(2, 3, 64, 64)).shape == (2, 3)
    assert all(p.requires_grad for p in model.parameters())
    rates = [b.drop_path1.drop_prob if isinstance(b.drop_path1, DropPath) else 0
             for b in model.blocks]  # fmt: skip
    assert rates == pytest.approx([0, 0.1 / 3, 0.2 / 3, 0.1])
    assert model.head.weight.abs().max() < 0.2
    assert not model.head.bias.any()
    assert 0 < network(place, head_std=2e-5).head.weight.abs().max() < 2e-4


def test_learning_rate_and_decay_by_group(place):
    recipe = Recipe(epochs=10, train_batch=1024, warmup_epochs=5, layer_decay=0.5)
    optimizer, schedule = optimizer_and_schedule(network(place), recipe)
    head = max(g["lr_scale"] for g in optimizer.param_groups)
    stem = min(g["lr_scale"] for g in optimizer.param_groups)
    assert (head, stem) == (1, 0.5**5)  # embedding, four blocks, head
    by_size = {p.ndim: g["weight_decay"] for g in optimizer.param_groups for p in g["params"]}
    assert by_size[1] == 0
    assert by_size[2] == 0.05
    schedule.step(5)
    top = max(g["lr"] for g in optimizer.param_groups)
    # cosine of 10 epochs at the fifth, half way between 1e-3 (batch 1024) and 1e-5
    assert top == pytest.approx((1e-3 + 1e-5) / 2, rel=1e-6)
    schedule.step(0)
    assert max(g["lr"] for g in optimizer.param_groups) == pytest.approx(1e-6)


def test_targets_without_mixing_by_hand():
    images = torch.zeros(2, 3, 4, 4)
    mix = mixer(Recipe(mixup=0, cutmix=0, smoothing=0.3), 3)
    _, targets = mix(images, torch.tensor([0, 2]))
    torch.testing.assert_close(targets, torch.tensor([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]]))


def test_mixed_targets_sum_to_one():
    mix = mixer(Recipe(), 3)
    with seeded(0):
        images, targets = mix(torch.randn(4, 3, 8, 8), torch.tensor([0, 1, 2, 0]))
    assert images.shape == (4, 3, 8, 8)
    torch.testing.assert_close(targets.sum(1), torch.ones(4))


def test_augmentation_depends_on_seed_epoch_and_place_alone(place):
    images = open_classes(place / "train")
    view = ImageTransform("crop", 32)
    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    one = RecipeImages(images, view, Recipe(), 0, 0)
    first, label = one[5]
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # noqa: NPY002
    again = RecipeImages(images, view, Recipe(), 0, 0)
    assert torch.equal(again[5][0], first)
    assert label == images.labels[one.order[5]]
    assert not torch.equal(RecipeImages(images, view, Recipe(), 0, 1)[5][0], first)
    # three repeats: a third of the images, each three times, augmented anew
    assert len(one) == 12
    assert len(set(one.order)) == 4
    assert one.order[3:6] == [one.order[3]] * 3
    assert not torch.equal(one[4][0], first)


def test_batches_are_even():
    assert even_batches(10, 4, 1, True) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert even_batches(10, 5, 2, False) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert even_batches(3, 100, 1, True) == [[0, 1]]
    with pytest.raises(InputError, match="too few"):
        even_batches(3, 100, 2, True)


def test_it_learns_and_its_weights_load(place, tmp_path, capsys):
    out = tmp_path / "out"
    plain = ["--mixup", 0, "--cutmix", 0, "--random-erasing", 0, "--auto-augment", ""]
    plain += ["--epochs", 8, "--train-batch", 6, "--warmup-epochs", 0, "--lr", 0.1, "--repeats", 1]
    plain += ["--drop-path", 0, "--test-every", 4, "--column", "Flowers"]
    assert bench(*arguments(place), *plain, "-o", out) == 0
    held = results(out)
    assert held["top1"] == 100
    assert [h["epoch"] for h in held["history"]] == [4, 8]
    assert json.loads((out / "results.json").read_text())["rows"][0]["figures"][4] == 100
    assert "epoch 8: top-1 100.00" in capsys.readouterr().out
    tuned = load_backbone(weights=out / "finetuned.pth", device="cpu", precision="fp32")
    start = load_backbone(weights=place / "vit.pth", device="cpu", precision="fp32")
    assert tuned(torch.zeros(1, 3, 32, 32)).shape == (1, 64, 2, 2)
    assert not torch.equal(tuned.network.cls_token, start.network.cls_token)


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


def test_bfloat16_passes(place, tmp_path):
    assert bench(*arguments(place), *FAST, "--amp", "bf16", "-o", tmp_path) == 0
    assert results(tmp_path)["classes"] == 3


def test_timm_network(place, tmp_path):
    given = [a if a != "--weights" else "--backbone" for a in arguments(place)]
    given[given.index("--backbone") + 1] = "timm:resnet10t"
    assert bench(*given, "--untrained", *FAST, "-o", tmp_path) == 0
    assert not any("fc." in name for name in torch.load(tmp_path / "finetuned.pth"))


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


@pytest.mark.parametrize(
    "case",
    [
        (["--epochs", 0], "must be at least 1"),
        (["--drop-path", 1], "expected shares from 0"),
        (["--layer-decay", 1.5], "layer-decay is 1.5"),
        (["--head-std", 0], "head-std 0.0; expected above 0"),
        (["--column", "MNIST"], "CIFAR-10"),
        (["--test-every", 0], "at least 1"),
        (["--train-batch", 1], "too few for a batch"),
    ],
)
def test_wrong_input(place, tmp_path, capsys, case):
    given, told = case
    assert bench(*arguments(place), "-o", tmp_path, *given) == 2
    assert told in said(capsys)
