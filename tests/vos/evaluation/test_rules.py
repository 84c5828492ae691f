"""Which frames count, and that the rules load nothing heavy."""

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from vos.datasets.sequence import VideoSequence
from vos.errors import InputError
from vos.evaluation.rules import ScoringRules

ROOT = Path(__file__).resolve().parents[3]


def sequence(count):
    return VideoSequence("clip", {str(t): Path(f"{t}.png") for t in range(count)})


def test_each_task_has_its_frames_unless_they_are_chosen():
    assert ScoringRules().scored_frames(sequence(4)) == ["1", "2"]
    whole = ["0", "1", "2", "3"]
    assert ScoringRules(task="unsupervised").scored_frames(sequence(4)) == whole
    assert ScoringRules(first_last="keep").scored_frames(sequence(4)) == whole
    both = ScoringRules(task="unsupervised", first_last="skip")
    assert both.scored_frames(sequence(4)) == ["1", "2"]


def test_a_sequence_of_ends_alone_is_refused():
    with pytest.raises(InputError, match=r"clip: 2 annotated frames.*--first-last keep"):
        ScoringRules().scored_frames(sequence(2))


def test_the_rules_load_neither_pictures_nor_arrays():
    code = (
        "import sys, vos.evaluation.rules; sys.exit(bool({'numpy', 'cv2', 'PIL'} & {*sys.modules}))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_every_rule_says_what_its_values_mean():
    text = (ROOT / "vos/evaluation/rules.py").read_text(encoding="utf-8")
    for field in fields(ScoringRules):
        assert f"    {field.name}: " in text
    for value in ("semi-supervised", "unsupervised", "skip", "keep", "error", "empty", "ignore"):
        assert f"{value}:" in text
