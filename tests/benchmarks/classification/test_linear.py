import json
import os
import signal

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.classification.linear_augmentation import Augmented, epoch_batches
from benchmarks.classification.linear_heads import HeadTraining, LinearHeads, head_accuracies
from benchmarks.classification.logistic import accuracies, fit, logistic_regression
from benchmarks.features.image_sets import open_classes
from benchmarks.features.transforms import ImageTransform
from tests.data.images import bench, said, save_weights, write_classes
from vos.errors import InputError


@pytest.fixture(scope="module")
def common(tmp_path_factory):
    """Images of three classes, a small ViT, and the options to use them."""
    root = tmp_path_factory.mktemp("linear")
    write_classes(root / "train", 4)
    write_classes(root / "test", 2, start=10)
    weights = save_weights(root / "vit.pth")
    sets = ["--train", root / "train", "--test", root / "test"]
    network = ["--weights", weights, "--precision", "fp32", "--size", 32, "--workers", 0]
    return [*sets, *network]


def results(out):
    return json.loads((out / "results.json").read_text())["results"]


def test_each_head_is_trained_as_if_alone():
    torch.manual_seed(0)
    batches = [(torch.randn(8, 5), torch.randint(0, 3, (8,))) for _ in range(4)]
    heads = LinearHeads(5, 3, 2, seed=1)
    alone = nn.Linear(5, 3)
    alone.load_state_dict(heads.layers[1].state_dict())
    assert torch.equal(heads.layers[0].weight, heads.layers[1].weight)
    training = HeadTraining(heads, (0.1, 0.4), batch=128, epochs=2)
    # 0.4 * 128/256 = 0.2 in the first epoch; the cosine halves it in the second of two.
    optimizer = torch.optim.SGD(alone.parameters(), lr=0.2, momentum=0.9)
    for number, (features, labels) in enumerate(batches):
        if number == 2:
            training.end_epoch()
            optimizer.param_groups[0]["lr"] = 0.1
        training.step(features, labels)
        optimizer.zero_grad()
        F.cross_entropy(alone(features), labels).backward()
        optimizer.step()
    torch.testing.assert_close(heads.layers[1].weight, alone.weight)
    torch.testing.assert_close(heads.layers[1].bias, alone.bias)
    assert not torch.allclose(heads.layers[0].weight, alone.weight)


def test_accuracies_by_hand():
    heads = LinearHeads(6, 6, 1, seed=0)
    heads.layers[0].weight.data = torch.eye(6)
    features = torch.tensor([[6.0, 5, 4, 3, 2, 1], [1, 2, 3, 4, 5, 6]])
    # the first is right; the second's class is the sixth best of six
    assert head_accuracies(heads, features, torch.tensor([0, 0])) == [{"top1": 50, "top5": 50}]


def test_resumed_training_ends_where_an_unbroken_one_does(common, tmp_path, capsys, monkeypatch):
    arguments = ["linear", *common, "--epochs", 2, "--train-batch", 4, "--lr", 0.1, 1.0]
    assert bench(*arguments, "-o", tmp_path / "whole") == 0
    monkeypatch.setattr(HeadTraining, "step", stopping_after(4))  # in the second epoch
    assert bench(*arguments, "-o", tmp_path / "broken") == 130
    assert "the same command goes on" in capsys.readouterr().out
    assert json.loads((tmp_path / "broken/run.json").read_text())["state"] == "stopped"
    assert not (tmp_path / "broken/results.json").exists()
    monkeypatch.undo()
    assert bench(*arguments, "-o", tmp_path / "broken") == 0
    assert results(tmp_path / "broken") == results(tmp_path / "whole")
    states = [torch.load(tmp_path / n / "linear.pth")["heads"] for n in ("broken", "whole")]
    for name, value in states[1].items():
        torch.testing.assert_close(states[0][name], value)


def stopping_after(steps):
    """Return HeadTraining.step that sends Ctrl-C to this process after so many steps."""
    real, done = HeadTraining.step, []

    def step(self, features, labels):
        done.append(1)
        if len(done) == steps:
            os.kill(os.getpid(), signal.SIGINT)
        return real(self, features, labels)

    return step


def test_sgd_learns_what_colours_tell(common, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ["--epochs", 6, "--train-batch", 6, "--lr", 1e-6, 3.0]
    assert bench("linear", *common, *arguments, "-o", out) == 0
    held = results(out)
    assert held["best_lr"] == 3.0
    assert held["top1"] == 100
    assert len(held["history"]) == 6
    assert held["width"] == 4 * 64
    assert "lr 3" in (out / "table.md").read_text()
    assert "epoch 6: top-1 by lr" in capsys.readouterr().out


def test_finished_training_is_not_done_again(common, tmp_path, monkeypatch):
    arguments = ["linear", *common, "--epochs", 1, "--lr", 1.0, "-o", tmp_path]
    assert bench(*arguments) == 0
    first = results(tmp_path)
    monkeypatch.setattr(HeadTraining, "step", None)
    assert bench(*arguments) == 0
    assert results(tmp_path) == first


def test_state_of_other_settings_or_damaged(common, tmp_path, capsys):
    arguments = ["linear", *common, "--lr", 1.0, "-o", tmp_path]
    assert bench(*arguments, "--epochs", 1) == 0
    assert bench(*arguments, "--epochs", 2) == 2
    assert "other data, weights or settings" in capsys.readouterr().err
    (tmp_path / "linear.pth").write_bytes(b"broken")
    assert bench(*arguments, "--epochs", 1) == 2
    assert "cannot be read as the state" in capsys.readouterr().err


def test_logistic_mode_is_named_as_what_it_is(common, tmp_path, capsys):
    arguments = [
        "--mode",
        "logistic",
        "--penalties",
        0.01,
        "--features",
        tmp_path / "f.safetensors",
    ]
    assert bench("linear", *common, *arguments, "-o", tmp_path / "a") == 0
    assert results(tmp_path / "a")["mode"] == "logistic regression on cached features"
    assert results(tmp_path / "a")["top1"] == 100
    assert "logistic regression on cached features" in (tmp_path / "a/table.md").read_text()
    kept = ["--mode", "logistic", "--penalties", 0.01, "--features", tmp_path / "f.safetensors"]
    assert bench("linear", *kept, "-o", tmp_path / "b") == 0
    assert results(tmp_path / "a") == results(tmp_path / "b")


def test_logistic_regression_finds_the_optimum():
    torch.manual_seed(0)
    features, labels = torch.randn(200, 4), torch.randint(0, 3, (200,))
    weights = fit(features, labels, 3, 0.1).requires_grad_()
    loss = F.cross_entropy(features @ weights[:-1] + weights[-1], labels)
    (loss + 0.05 * weights[:-1].square().sum()).backward()
    assert weights.grad.abs().max() < 1e-4


def test_logistic_fits_in_blocks(monkeypatch):
    torch.manual_seed(0)
    features, labels = torch.randn(50, 4), torch.randint(0, 3, (50,))
    whole = fit(features, labels, 3, 0.1)
    monkeypatch.setattr("benchmarks.classification.logistic._BLOCK", 7)
    torch.testing.assert_close(fit(features, labels, 3, 0.1), whole, atol=1e-4, rtol=1e-3)


def test_penalty_is_chosen_on_held_out_images():
    torch.manual_seed(0)
    labels = torch.arange(400) % 2
    features = torch.randn(400, 300)
    features[:, 0] += 2.0 * (labels * 2 - 1)
    result = logistic_regression(
        features[:200], labels[:200], features[200:], labels[200:], penalties=(1e-9, 0.3)
    )
    assert set(result.held_out_top1) == {1e-9, 0.3}
    assert result.penalty == max(result.held_out_top1, key=result.held_out_top1.get)
    with pytest.raises(InputError, match="penalties"):
        logistic_regression(features, labels, features, labels, penalties=())


def test_accuracies_of_weights_by_hand():
    weights = torch.cat([torch.eye(2), torch.tensor([[0.0, 1.5]])])
    features = torch.tensor([[1.0, 0], [3.0, 0]])  # 1 against 1.5; 3 against 1.5
    assert accuracies(weights, features, torch.tensor([0, 0])) == (50, 100)


def test_crops_depend_on_seed_epoch_and_image_alone(tmp_path):
    images = open_classes(write_classes(tmp_path, 2))
    view = ImageTransform("crop", 16)
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first, label = Augmented(images, view, 0, 0)[3]
    assert torch.equal(torch.random.get_rng_state(), before)
    assert label == 1
    assert first.shape == (3, 16, 16)
    assert torch.equal(Augmented(images, view, 0, 0)[3][0], first)
    assert not torch.equal(Augmented(images, view, 0, 1)[3][0], first)
    orders = [list(epoch_batches(7, 3, 0, epoch)) for epoch in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(number for batch in orders[0] for number in batch) == list(range(7))
    assert [len(b) for b in orders[0]] == [3, 3, 1]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--epochs", "0"], "must each be at least 1"),
        (["--lr", "0.1", "0"], "expected numbers above 0"),
        (["--features", "f.safetensors"], "is for --mode logistic"),
        (["--train", "absent"], "neither a folder"),
    ],
)
def test_wrong_input(tmp_path, capsys, arguments, told):
    assert bench("linear", "-o", tmp_path, "--train", "absent", *arguments) == 2
    assert told in said(capsys)
