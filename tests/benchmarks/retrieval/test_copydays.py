import numpy as np
import pytest

from benchmarks.retrieval.copydays import block_map, open_copydays
from tests.data.images import bench, picture, said, write_picture


def options(weights):
    return ["--weights", weights, "--precision", "fp32", "--workers", 0, "--size", 64]


def test_map_by_hand():
    # Found at place 0: 1. Found at place 1: (0 + 1/2)/2. Not found: 0.
    found = np.array([[3, 1], [2, 0], [2, 3]])
    positives = (frozenset({3}), frozenset({0}), frozenset({1}))
    assert block_map(found, positives) == pytest.approx(1.25 / 3)


def test_names_that_share_a_prefix_are_one_group(copies):
    write_picture(copies / "original" / "200099.png", picture((1, 2, 3), 0))
    opened = open_copydays(copies, 4)
    assert opened.blocks[0].positives[0] == frozenset({0, 1})


def test_copy_without_an_original(copies, weights, tmp_path, capsys):
    write_picture(copies / "strong" / "999901.png", picture((1, 2, 3), 0))
    assert bench("copy-detection", "--root", copies, "-o", tmp_path / "o", *options(weights)) == 2
    assert "has no original: none begins with '9999'" in said(capsys)
