import json

import pytest

from tests.data.images import bench, said


def results(out):
    return json.loads((out / "results.json").read_text())["results"]


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
