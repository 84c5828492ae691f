import zipfile

import numpy as np
import pytest
import torch

from benchmarks.classification.labelled_features import load_features
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


def test_split_is_drawn_from_each_class_and_disjoint(classes):
    images = open_classes(classes / "train")
    train, test = split_by_class(images, 2, 1, seed=3)
    assert np.bincount(train.labels).tolist() == [2, 2, 2]
    assert np.bincount(test.labels).tolist() == [1, 1, 1]
    assert not set(train.indexes) & set(test.indexes)
    again, _ = split_by_class(images, 2, 1, seed=3)
    assert train.indexes.tolist() == again.indexes.tolist()
