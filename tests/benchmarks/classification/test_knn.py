import json
import zipfile

import numpy as np
import pytest
import torch

from benchmarks.classification.knn_voting import knn_accuracy
from benchmarks.classification.labelled_features import LabelledFeatures, load_features
from benchmarks.features.image_sets import open_classes, open_images, split_by_class
from tests.data.images import bench, save_weights, write_classes, write_picture
from vos.errors import InputError


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return save_weights(tmp_path_factory.mktemp("weights") / "vit.pth")


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    root = tmp_path_factory.mktemp("classes")
    write_classes(root / "train", 4)
    write_classes(root / "test", 2, start=10)
    return root


def common(weights):
    return ["--weights", weights, "--precision", "fp32", "--size", 64, "--workers", 0]


def test_votes_worked_out_by_hand():
    # Unit vectors at angles 0 (class 0), 60 and -60 degrees (class 1), 90 (class 2).
    # For the query at 0 the cosines are 1, 0.5, 0.5, 0.
    def at(*degrees):
        radians = torch.tensor(degrees).deg2rad()
        return torch.stack([radians.cos(), radians.sin()], dim=1)

    train, labels = 3 * at(0.0, 60.0, -60.0, 90.0), torch.tensor([0, 1, 1, 2])
    query, truth = 0.2 * at(0.0), torch.tensor([0])
    # Votes at temperature 1, k = 3: e = 2.72 for class 0, 2 exp(0.5) = 3.30 for class 1.
    # At temperature 0.5: exp(2) = 7.39 against 2 exp(1) = 5.44.
    by_k = knn_accuracy(train, labels, query, truth, ks=(1, 3, 4), temperature=1.0)
    assert [(s.k, s.top1, s.top5) for s in by_k] == [(1, 100, 100), (3, 0, 100), (4, 0, 100)]
    (sharp,) = knn_accuracy(train, labels, query, truth, ks=(3,), temperature=0.5)
    assert sharp.top1 == 100


def test_blocks_give_the_same(monkeypatch):
    torch.manual_seed(0)
    train, test = torch.randn(60, 8), torch.randn(37, 8)
    labels, truth = torch.randint(0, 7, (60,)), torch.randint(0, 7, (37,))
    whole = knn_accuracy(train, labels, test, truth, ks=(5, 20))
    monkeypatch.setattr("benchmarks.classification.knn_voting._SIMILARITIES", 60 * 10)
    seen = []
    blocks = knn_accuracy(train, labels, test, truth, ks=(5, 20), on_block=seen.append)
    assert blocks == whole
    assert seen == [10, 10, 10, 7]


@pytest.mark.parametrize("ks", [(), (0,), (3, 61)])
def test_k_out_of_range(ks):
    features, labels = torch.randn(60, 8), torch.arange(60) % 3
    with pytest.raises(InputError, match="expected 1 to 60"):
        knn_accuracy(features, labels, features, labels, ks=ks)


def test_one_class_and_empty_sets_are_refused():
    features, labels = torch.randn(4, 8), torch.arange(4)
    with pytest.raises(InputError, match="one class"):
        knn_accuracy(features, torch.zeros(4).long(), features, labels, ks=(1,))
    with pytest.raises(InputError, match="test set is empty"):
        knn_accuracy(features, labels, features[:0], labels[:0], ks=(1,))


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


def test_zip_gives_what_the_folder_gives(classes, weights, tmp_path):
    archive = tmp_path / "images.zip"
    with zipfile.ZipFile(archive, "w") as handle:
        for path in sorted((classes / "train").rglob("*.png")):
            handle.write(path, "some/inner" / path.relative_to(classes / "train"))
    for name, train in (("zip", f"{archive}/some/inner"), ("folder", classes / "train")):
        file = tmp_path / f"{name}.safetensors"
        arguments = ["--train", train, "--train-per-class", 2, "--features", file]
        assert bench("knn", *arguments, "-o", tmp_path / name, "--k", 2, *common(weights)) == 0
    held = [load_features(tmp_path / f"{name}.safetensors") for name in ("zip", "folder")]
    assert torch.equal(held[0].train, held[1].train)
    assert held[0].classes == ("blue", "green", "red")
    assert held[0].train_labels.tolist() == [0, 0, 1, 1, 2, 2]


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


def test_k_larger_than_the_set(classes, weights, tmp_path, capsys):
    arguments = ["--train", classes / "train", "--test", classes / "test", "-o", tmp_path]
    assert bench("knn", *arguments, *common(weights), "--k", 20) == 2
    assert "expected 1 to 12" in capsys.readouterr().err
    assert json.loads((tmp_path / "run.json").read_text())["state"] == "failed"


def test_wrong_input_leaves_the_results_of_the_run_before(classes, weights, tmp_path, monkeypatch):
    arguments = ["--train", classes / "train", "--test", classes / "test", "-o", tmp_path]
    assert bench("knn", *arguments, *common(weights), "--k", 2) == 0
    names = ("run.json", "results.json", "table.md")
    before = [(tmp_path / name).read_bytes() for name in names]
    assert bench("knn", *arguments, *common(weights), "--k", 20) == 2
    assert [(tmp_path / name).read_bytes() for name in names] == before

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("benchmarks.classification.knn_voting.vote", stop)
    assert bench("knn", *arguments, *common(weights), "--k", 3) == 130
    assert [(tmp_path / name).is_file() for name in names] == [True, False, False]
    assert json.loads((tmp_path / "run.json").read_text())["state"] == "stopped"


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


def test_image_folders_refuse_what_is_no_set_of_classes(tmp_path):
    write_classes(tmp_path / "empty", 1)
    (tmp_path / "empty" / "void").mkdir()
    with pytest.raises(InputError, match="class void holds no images"):
        open_classes(tmp_path / "empty")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w") as archive:
        for path in sorted((tmp_path / "empty").rglob("*")):
            archive.write(path, path.relative_to(tmp_path))
    with pytest.raises(InputError, match=r"empty.zip/empty: class void holds no images"):
        open_classes(tmp_path / "empty.zip/empty")
    write_classes(tmp_path / "one", 1)
    for name in ("blue", "green"):
        (tmp_path / "one" / name / "0.png").unlink()
        (tmp_path / "one" / name).rmdir()
    with pytest.raises(InputError, match="one class"):
        open_classes(tmp_path / "one")
    write_classes(tmp_path / "loose", 1)
    write_picture(tmp_path / "loose" / "stray.png", np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(InputError, match="in no class's folder"):
        open_classes(tmp_path / "loose")
    (tmp_path / "nothing").mkdir()
    with pytest.raises(InputError, match="holds no images"):
        open_images(tmp_path / "nothing")


def test_test_class_that_training_lacks(classes, weights, tmp_path, capsys):
    write_classes(tmp_path / "more", 1)
    write_picture(tmp_path / "more" / "yellow" / "0.png", np.zeros((64, 64, 3), np.uint8))
    arguments = ["--train", classes / "train", "--test", tmp_path / "more", "-o", tmp_path / "o"]
    assert bench("knn", *arguments, *common(weights), "--k", 1) == 2
    assert "yellow" in capsys.readouterr().err


def test_split_is_drawn_from_each_class_and_disjoint(classes):
    images = open_classes(classes / "train")
    train, test = split_by_class(images, 2, 1, seed=3)
    assert np.bincount(train.labels).tolist() == [2, 2, 2]
    assert np.bincount(test.labels).tolist() == [1, 1, 1]
    assert not set(train.indexes) & set(test.indexes)
    again, _ = split_by_class(images, 2, 1, seed=3)
    assert train.indexes.tolist() == again.indexes.tolist()
