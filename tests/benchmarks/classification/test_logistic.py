import json

import pytest
import torch
from torch.nn import functional as F

from benchmarks.classification.logistic import accuracies, fit, logistic_regression
from tests.data.images import bench
from vos.errors import InputError


def results(out):
    return json.loads((out / "results.json").read_text())["results"]


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
