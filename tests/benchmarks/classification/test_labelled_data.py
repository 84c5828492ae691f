import numpy as np

from tests.data.images import bench, write_classes, write_picture


def common(weights):
    return ["--weights", weights, "--precision", "fp32", "--size", 64, "--workers", 0]


def test_test_class_that_training_lacks(classes, weights, tmp_path, capsys):
    write_classes(tmp_path / "more", 1)
    write_picture(tmp_path / "more" / "yellow" / "0.png", np.zeros((64, 64, 3), np.uint8))
    arguments = ["--train", classes / "train", "--test", tmp_path / "more", "-o", tmp_path / "o"]
    assert bench("knn", *arguments, *common(weights), "--k", 1) == 2
    assert "yellow" in capsys.readouterr().err
