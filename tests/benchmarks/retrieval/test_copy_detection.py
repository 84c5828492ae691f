import json

import pytest

from tests.data.images import bench, picture, said, write_classes, write_picture


def options(weights):
    return ["--weights", weights, "--precision", "fp32", "--workers", 0, "--size", 64]


def test_verb(copies, weights, tmp_path, capsys):
    out = tmp_path / "out"
    distractors = write_classes(tmp_path / "others", 2)
    arguments = ["copy-detection", "--root", copies, "-o", out, *options(weights)]
    assert bench(*arguments, "--distractors", distractors, "--whitening", distractors) == 0
    held = json.loads((out / "results.json").read_text())
    assert held["results"]["copies"] == {"strong": 6, "jpegqual/20": 4}
    assert held["results"]["database"] == 4 + 6
    assert held["results"]["whitening_images"] == 6
    assert set(held["results"]["map"]) == {"strong", "jpegqual/20"}
    assert bench(*arguments) == 0
    plain = json.loads((out / "results.json").read_text())["results"]
    assert plain["map"] == {"strong": 1.0, "jpegqual/20": 1.0}
    assert "strong: mAP 100.00" in capsys.readouterr().out
    assert "DINO ViT-B/8, 320 px | 85.5" in (out / "table.md").read_text()


def test_graded_blocks_alone(copies, weights, tmp_path):
    for path in (copies / "strong").iterdir():
        path.unlink()
    (copies / "strong").rmdir()
    assert bench("copy-detection", "--root", copies, "-o", tmp_path / "o", *options(weights)) == 0
    held = json.loads((tmp_path / "o/results.json").read_text())
    assert held["rows"][0]["figures"] == [None]


@pytest.mark.parametrize(
    "case",
    [
        ((), [], "no folder original"),
        (("original",), [], "holds no copies"),
        (("original",), ["--prefix", 0], "at least 1"),
        (("original",), ["--places", 0], "places is 0"),
    ],
)
def test_wrong_input(tmp_path, weights, capsys, case):
    make, arguments, told = case
    for name in make:
        write_picture(tmp_path / "root" / name / "200000.png", picture((1, 2, 3), 0))
    given = ["--root", tmp_path / "root", "-o", tmp_path / "o", *options(weights), *arguments]
    assert bench("copy-detection", *given) == 2
    assert told in said(capsys)
