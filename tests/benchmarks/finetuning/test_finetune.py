import json

import pytest
import torch

from tests.data.images import bench, said
from vos.backbones.loading import load_backbone

FAST = ["--epochs", 2, "--train-batch", 6, "--warmup-epochs", 0, "--lr", 0.02]


def arguments(place):
    sets = ["--train", place / "train", "--test", place / "test"]
    return ["finetune", *sets, "--weights", place / "vit.pth", "--size", 64, "--workers", 0]


def results(out):
    return json.loads((out / "results.json").read_text())["results"]


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


def test_timm_network(place, tmp_path):
    given = [a if a != "--weights" else "--backbone" for a in arguments(place)]
    given[given.index("--backbone") + 1] = "timm:resnet10t"
    assert bench(*given, "--untrained", *FAST, "-o", tmp_path) == 0
    assert not any("fc." in name for name in torch.load(tmp_path / "finetuned.pth"))


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
