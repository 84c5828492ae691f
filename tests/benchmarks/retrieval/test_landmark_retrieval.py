import json

import cv2
import numpy as np
import pytest

from tests.data.images import bench, said
from tests.data.landmarks import write_dataset


def options(weights):
    return ["--weights", weights, "--precision", "fp32", "--workers", 0, "--size", 96]


@pytest.mark.parametrize("suffix", ["pkl", "json"])
def test_verb(tmp_path, weights, capsys, suffix):
    write_dataset(tmp_path, suffix=suffix)
    arguments = ["retrieval", "--root", tmp_path, "--datasets", "roxford5k", *options(weights)]
    assert bench(*arguments, "--crop-queries", "-o", tmp_path / "out") == 0
    held = json.loads((tmp_path / "out/results.json").read_text())
    assert held["table"] == "Table 3"
    assert held["results"]["roxford5k"]["medium"]["mean_ap"] == 1
    assert held["results"]["roxford5k"]["hard"]["precision_at"]["1"] == 1
    assert held["rows"][0]["figures"] == [100, 100, None, None]
    assert "roxford5k medium: mAP 100.00" in capsys.readouterr().out


def test_set_without_a_published_column(tmp_path, weights):
    write_dataset(tmp_path, name="mine", suffix="json")
    arguments = ["retrieval", "--root", tmp_path, "--datasets", "mine", *options(weights)]
    assert bench(*arguments, "--crop-queries", "-o", tmp_path / "out") == 0
    (row,) = json.loads((tmp_path / "out/results.json").read_text())["rows"]
    assert row["name"].endswith("mine: M 100.0, H 100.0")
    assert row["figures"] == [None] * 4


def test_multi_scale_gives_other_features(tmp_path, weights):
    write_dataset(tmp_path)
    arguments = ["retrieval", "--root", tmp_path, "--datasets", "roxford5k", *options(weights)]
    assert bench(*arguments, "--multi-scale", "-o", tmp_path / "out") == 0
    assert bench(*arguments, "-o", tmp_path / "out") == 0
    assert len(list((tmp_path / "out/features").iterdir())) == 4


def test_image_smaller_than_a_patch(tmp_path, weights, capsys):
    write_dataset(tmp_path)
    cv2.imwrite(str(tmp_path / "roxford5k/jpg/red_0.jpg"), np.zeros((4, 40, 3), np.uint8))
    arguments = ["--root", tmp_path, "--datasets", "roxford5k", "-o", tmp_path / "out"]
    assert bench("retrieval", *arguments, *options(weights)) == 2
    assert "smaller than a patch" in said(capsys)
