"""Folders of predicted masks in which some are missing."""

import numpy as np
import pytest

from vos.errors import InputError
from vos.evaluation.evaluate import evaluate
from vos.evaluation.rules import ScoringRules
from vos.masks.io import write_mask


def square(number, column):
    array = np.zeros((30, 40), np.uint8)
    array[5:15, column : column + 10] = number
    return array


@pytest.fixture
def folders(tmp_path):
    """Two sequences of 4 and 5 frames, truth and a prediction that is half wrong on `b`."""
    for name, frames in (("a", 4), ("b", 5)):
        for t in range(frames):
            wrong = name == "b" and t > 1
            for kind, column in (("truth", 5), ("found", 25 if wrong else 5)):
                path = tmp_path / kind / name / f"{t:05d}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                write_mask(path, square(3, column))
    return tmp_path / "found", tmp_path / "truth"


def test_missing_frames_of_all_sequences_are_listed_before_scoring(folders):
    (folders[0] / "a/00001.png").unlink()
    for path in (folders[0] / "b").iterdir():
        path.unlink()
    with pytest.raises(InputError) as caught:
        evaluate(*folders)
    assert "- a: 1 (00001)" in str(caught.value)
    assert "- b: 3 (00001, 00002, 00003)" in str(caught.value)
    found = evaluate(*folders, rules=ScoringRules(missing="empty"))
    assert [s.missing for s in found.sequences] == [("00001",), ("00001", "00002", "00003")]
    assert found.j.mean == 0.25
