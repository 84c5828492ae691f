import json

import pytest
import torch

from benchmarks.classification.labelled_features import LabelledFeatures, load_features
from tests.data.images import bench
from vos.errors import InputError


def common(weights):
    return ["--weights", weights, "--precision", "fp32", "--size", 64, "--workers", 0]


def test_features_file_is_used_again_without_images(classes, weights, tmp_path):
    file = tmp_path / "kept.safetensors"
    arguments = ["--train", classes / "train", "--test", classes / "test", "--features", file]
    assert bench("knn", *arguments, "-o", tmp_path / "a", "--k", 3, *common(weights)) == 0
    assert bench("knn", "--features", file, "-o", tmp_path / "b", "--k", 3) == 0
    a, b = (json.loads((tmp_path / n / "results.json").read_text())["results"] for n in "ab")
    assert a == b
    assert bench("knn", *arguments, "-o", tmp_path / "c", "--k", 3, *common(weights)) == 0


def test_features_of_other_images_are_refused(classes, weights, tmp_path, capsys):
    file = tmp_path / "kept.safetensors"
    start = ["--train", classes / "train", "--features", file, "-o", tmp_path / "out", "--k", 1]
    assert bench("knn", *start, "--train-per-class", 2, *common(weights)) == 0
    assert bench("knn", *start, "--train-per-class", 3, *common(weights)) == 2
    assert "other images, weights or settings" in capsys.readouterr().err


def test_damaged_features_file(tmp_path, capsys):
    file = tmp_path / "bad.safetensors"
    file.write_bytes(b"no features")
    assert bench("knn", "--features", file, "-o", tmp_path / "out") == 2
    assert "cannot be read as features" in capsys.readouterr().err


def test_features_that_do_not_fit(tmp_path):
    features, labels = torch.randn(6, 4), torch.arange(6)
    LabelledFeatures(features, labels[:5], features, labels, ()).save(tmp_path / "a.safetensors")
    with pytest.raises(InputError, match="do not fit"):
        load_features(tmp_path / "a.safetensors")
    broken = features.clone()
    broken[2, 1] = float("nan")
    LabelledFeatures(broken, labels, features, labels, ()).save(tmp_path / "b.safetensors")
    with pytest.raises(InputError, match="not finite"):
        load_features(tmp_path / "b.safetensors")
