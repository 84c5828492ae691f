"""The tool that makes small retrieval sets: what it writes is what the benchmarks read."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from benchmarks.retrieval.copydays import open_copydays
from benchmarks.retrieval.landmark_sets import open_landmarks
from tests.data.images import write_classes

TOOL = Path(__file__).resolve().parents[2] / "tools" / "small_retrieval_sets.py"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("small_retrieval_sets", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_sets_are_read_by_the_benchmarks(tool, tmp_path):
    images = write_classes(tmp_path / "images", 3)
    given = [str(images), str(tmp_path / "out"), "--originals", "3", "--others", "2"]
    assert tool.main(given) == 0
    copydays = open_copydays(tmp_path / "out/copydays", 4)
    assert {b.name: len(b.images) for b in copydays.blocks} == {
        "strong": 9,
        "jpegqual/10": 3,
        "crops/50": 3,
    }
    assert copydays.blocks[0].positives[4] == frozenset({1})
    landmarks = open_landmarks(tmp_path / "out/landmarks", "altered", crop_queries=True)
    assert (len(landmarks.database), len(landmarks.queries)) == (3 * 5 + 2, 3)
    assert landmarks.truths[1].hard.tolist() == [7, 8, 9]
    assert len(list((tmp_path / "out/whitening").iterdir())) == 2


def test_too_few_images(tool, tmp_path, capsys):
    images = write_classes(tmp_path / "images", 1)
    assert tool.main([str(images), str(tmp_path / "out")]) == 2
    assert "440 images are needed; there are 3" in capsys.readouterr().err


def test_alterations_by_hand(tool):
    image = np.arange(10 * 20 * 3, dtype=np.uint8).reshape(10, 20, 3)
    np.testing.assert_array_equal(tool.cropped(image, 0.5), image[2:7, 5:15])
    assert (tool.gray(image)[..., 0] == tool.gray(image)[..., 2]).all()
    np.testing.assert_array_equal(tool.turned(image, 0), image)
    assert tool.blurred(image).shape == image.shape
