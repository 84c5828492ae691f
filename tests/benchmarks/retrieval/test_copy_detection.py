import json

import cv2
import numpy as np
import pytest
import torch

from benchmarks.retrieval.copy_scores import score_copies
from benchmarks.retrieval.copydays import CopyBlock, Copydays, block_map, open_copydays
from benchmarks.retrieval.whitening import learn_whitening
from tests.data.images import bench, picture, said, save_weights, write_classes, write_picture
from vos.errors import InputError


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return save_weights(tmp_path_factory.mktemp("weights") / "vit.pth")


@pytest.fixture
def copies(tmp_path):
    """Four originals, two strong copies of each but the last, JPEGs of one quality."""
    root = tmp_path / "copydays"
    colours = ((40, 60, 220), (30, 200, 40), (220, 50, 40), (200, 200, 30))
    for number, colour in enumerate(colours):
        original = picture(colour, number)
        write_picture(root / "original" / f"20{number:02d}00.png", original)
        if number < 3:
            write_picture(root / "strong" / f"20{number:02d}01.png", original[:, ::-1])
            write_picture(root / "strong" / f"20{number:02d}02.png", original[8:, 4:])
        (root / "jpegqual/20").mkdir(parents=True, exist_ok=True)
        target = str(root / "jpegqual/20" / f"20{number:02d}00.jpg")
        assert cv2.imwrite(target, original[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 20])
    return root


def options(weights):
    return ["--weights", weights, "--precision", "fp32", "--workers", 0, "--size", 64]


def test_map_by_hand():
    # Found at place 0: 1. Found at place 1: (0 + 1/2)/2. Not found: 0.
    found = np.array([[3, 1], [2, 0], [2, 3]])
    positives = (frozenset({3}), frozenset({0}), frozenset({1}))
    assert block_map(found, positives) == pytest.approx(1.25 / 3)


def test_what_is_beyond_the_list_is_not_found():
    database, query = torch.eye(4), torch.tensor([[0.9, 0.8, 0.7, 0.1]])
    for places, expected in ((4, 0.125), (3, 0)):  # fourth: (0 + 1/4)/2
        copydays = Copydays(None, (CopyBlock("strong", None, (frozenset({3}),)),))
        scores = score_copies(database, [query], copydays, places, None)
        assert scores["strong"] == pytest.approx(expected)


def test_whitening_by_hand():
    # Uncentred covariance of (2, 0) and (0, 1) is diag(2, 1/2); the mean is (1, 1/2).
    whitening = learn_whitening(torch.tensor([[2.0, 0.0], [0.0, 1.0]]))
    torch.testing.assert_close(whitening.mean, torch.tensor([1.0, 0.5]))
    white = whitening(torch.tensor([[3.0, 1.5]])).abs()  # (2, 1) / sqrt(2, 1/2)
    torch.testing.assert_close(white, torch.tensor([[2**0.5, 2**0.5]]))


def test_whitening_floors_small_directions():
    features = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])  # nothing along the second axis
    white = learn_whitening(features)(torch.tensor([[0.0, 1.0]])).abs()
    torch.testing.assert_close(white.max(), torch.tensor(1e-5**-0.5))


@pytest.mark.parametrize("bad", [torch.zeros(3, 2), torch.empty(0, 2), torch.full((2, 2), np.nan)])
def test_whitening_of_nothing(bad):
    with pytest.raises(InputError, match="cannot be learnt"):
        learn_whitening(bad)


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


def test_names_that_share_a_prefix_are_one_group(copies):
    write_picture(copies / "original" / "200099.png", picture((1, 2, 3), 0))
    opened = open_copydays(copies, 4)
    assert opened.blocks[0].positives[0] == frozenset({0, 1})


def test_copy_without_an_original(copies, weights, tmp_path, capsys):
    write_picture(copies / "strong" / "999901.png", picture((1, 2, 3), 0))
    assert bench("copy-detection", "--root", copies, "-o", tmp_path / "o", *options(weights)) == 2
    assert "has no original: none begins with '9999'" in said(capsys)


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
