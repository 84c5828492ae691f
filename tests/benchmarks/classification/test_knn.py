import json

import pytest

from tests.data.images import bench


def common(weights):
    return ["--weights", weights, "--precision", "fp32", "--size", 64, "--workers", 0]


def test_verb_on_folders(classes, weights, tmp_path, capsys):
    arguments = ["--train", classes / "train", "--test", classes / "test", "-o", tmp_path / "out"]
    assert bench("knn", *arguments, *common(weights), "--k", 1, 3) == 0
    results = json.loads((tmp_path / "out/results.json").read_text())
    assert results["table"] == "Table 2"
    assert results["results"]["train_images"] == 12
    assert results["results"]["test_images"] == 6
    assert [a["top1"] for a in results["results"]["accuracy"]] == [100, 100]
    run = json.loads((tmp_path / "out/run.json").read_text())
    assert run["state"] == "complete"
    assert run["settings"]["weights"]["sha256"]
    assert run["versions"]["torch"]
    table = (tmp_path / "out/table.md").read_text()
    assert "This run: 12 training and 6 test images of 3 classes." in table
    assert "DINO ViT-S/16 | 77.0 | 74.5" in table
    assert table in capsys.readouterr().out


def test_k_larger_than_the_set(classes, weights, tmp_path, capsys):
    arguments = ["--train", classes / "train", "--test", classes / "test", "-o", tmp_path]
    assert bench("knn", *arguments, *common(weights), "--k", 20) == 2
    assert "expected 1 to 12" in capsys.readouterr().err
    assert json.loads((tmp_path / "run.json").read_text())["state"] == "failed"


@pytest.mark.parametrize(
    "case",
    [
        ([], "give --train"),
        (["--features", "absent.safetensors"], "is not there"),
        (["--train", "CLASSES/train", "--features", "CLASSES"], "is a folder; give a file's name"),
        (["--k", "0"], "numbers of at least 1"),
        (["--train", "absent"], "neither a folder nor a zip"),
        (["--temperature", "0"], "temperature is 0"),
        (["--train", "CLASSES/train"], "no test set"),
        (["--train", "CLASSES/train", "--train-per-class", "4"], "leave none"),
        (["--train", "CLASSES/train", "--train-per-class", "-1"], "expected at least 1"),
        (
            ["--train", "CLASSES/train", "--test", "CLASSES/test", "--train-per-class", "1"],
            "a test set and a split",
        ),
        (["--train", "CLASSES/train", "--test", "CLASSES/test", "--batch", "0"], "batch is 0"),
        (["--train", "CLASSES/train", "--test", "CLASSES/test", "--size", "8"], "than a patch"),
    ],
)
def test_wrong_input(classes, weights, tmp_path, capsys, case):
    arguments, told = case
    given = [a.replace("CLASSES", str(classes)) for a in arguments]
    assert bench("knn", "-o", tmp_path, "--weights", weights, "--workers", 0, *given) == 2
    assert told in capsys.readouterr().err
