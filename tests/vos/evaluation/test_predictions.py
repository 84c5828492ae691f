"""Folders of predicted masks in which some are missing."""

import pytest

from vos.errors import InputError
from vos.evaluation.evaluate import evaluate
from vos.evaluation.rules import ScoringRules


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
