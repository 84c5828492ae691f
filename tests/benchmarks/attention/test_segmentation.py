import json

import pytest

from tests.data.images import bench, picture, said, write_picture
from tests.data.masks import square
from vos.masks.io import write_mask


def options(weights):
    return ["--weights", weights, "--precision", "fp32", "--short-side", 0]


def test_voc(voc, weights, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ["attention-segmentation", "--data", voc, "-o", out, *options(weights)]
    assert bench(*arguments) == 0
    held = json.loads((out / "results.json").read_text())
    assert held["table"] == "Figure 4"
    assert set(held["results"]["by_group"]) == {"aeroplane", "person"}
    assert held["results"]["pictures_without_object"] == 1
    assert held["rows"][0]["figures"] == [100 * held["results"]["jaccard"]]
    assert "one head for all" in capsys.readouterr().out


def test_davis(weights, tmp_path):
    root = tmp_path / "DAVIS"
    for number in range(4):
        name = f"{number:05d}"
        frame = picture((90, 90, 90), number, 64, 80)
        write_picture(root / "JPEGImages/480p/cat" / f"{name}.jpg", frame)
        write_mask(root / "Annotations/480p/cat" / f"{name}.png", square())
    (root / "ImageSets/2017").mkdir(parents=True)
    (root / "ImageSets/2017/val.txt").write_text("cat\n")
    arguments = ["--data", root, "-o", tmp_path / "out", "--every", 2, *options(weights)]
    assert bench("attention-segmentation", *arguments) == 0
    held = json.loads((tmp_path / "out/results.json").read_text())["results"]
    assert held["pictures"] == 2
    assert list(held["by_group"]) == ["cat"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--mass", 0], "mass is 0"),
        (["--every", 0], "every is 0"),
        (["--backbone", "efficientnet_lite0"], "has no class token"),
    ],
)
def test_wrong_options(voc, tmp_path, capsys, arguments, told):
    given = ["--data", voc, "-o", tmp_path / "out", *arguments]
    assert bench("attention-segmentation", *given) == 2
    assert told in said(capsys)
