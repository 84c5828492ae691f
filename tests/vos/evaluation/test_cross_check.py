"""The comparison with davis2017-evaluation, with a stand-in for it."""

import sys
from types import ModuleType

import numpy as np
import pytest

from benchmarks.speed.plain_scoring import plain_scores
from vos.datasets.loading import load_dataset
from vos.errors import InputError
from vos.evaluation.cross_check import cross_check
from vos.evaluation.evaluate import evaluate
from vos.evaluation.j_and_f import statistics
from vos.evaluation.rules import ScoringRules
from vos.masks.io import write_mask


@pytest.fixture
def davis(tmp_path):
    """A DAVIS folder of one sequence, and predictions that get worse."""
    (tmp_path / "ImageSets/2017").mkdir(parents=True)
    (tmp_path / "ImageSets/2017/val.txt").write_text("clip\n")
    for t in range(9):
        for folder, column in (("Annotations/480p", 5), ("found", 5 + t)):
            array = np.zeros((30, 40), np.uint8)
            array[5:15, column : column + 10] = 1
            path = tmp_path / folder / "clip" / f"{t:05d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_mask(path, array)
    return tmp_path


@pytest.fixture
def official(monkeypatch):
    """Install a stand-in that scores by the plain algorithm, off by `error` in F's decay."""

    def install(error=0.0, stop=False):
        class Stand:
            def __init__(self, davis_root, task, gt_set, sequences, codalab):
                self.root, self.names = davis_root, sequences

            def evaluate(self, res_path):
                if stop:
                    raise SystemExit
                truth = load_dataset(self.root, images=False).root / "Annotations/480p"
                scores = plain_scores(truth.parent.parent / "found", truth, self.names)
                j, f = ([statistics(s[m][0]) for s in scores.values()] for m in (0, 1))
                return {
                    name: {
                        "M": [v.mean for v in values],
                        "R": [v.recall for v in values],
                        "D": [v.decay + (error if name == "F" else 0) for v in values],
                    }
                    for name, values in (("J", j), ("F", f))
                }

        package, inner = ModuleType("davis2017"), ModuleType("davis2017.evaluation")
        inner.DAVISEvaluation = Stand
        monkeypatch.setitem(sys.modules, "davis2017", package)
        monkeypatch.setitem(sys.modules, "davis2017.evaluation", inner)

    return install


def check(davis, rules=None, truth=None):
    found = evaluate(davis / "found", truth or davis, rules=rules, processes=1)
    return cross_check(found, davis / "found", davis)


def test_equal_figures_pass(davis, official):
    official()
    assert check(davis) == []


def test_a_difference_is_named(davis, official):
    official(error=2e-6)
    (text,) = check(davis)
    assert text.startswith("clip_1: F decay")


def test_a_small_difference_passes(davis, official):
    official(error=5e-7)
    assert check(davis) == []


def test_another_number_of_objects_is_a_difference(davis, official):
    official()
    for t in range(9):
        path = davis / "Annotations/480p/clip" / f"{t:05d}.png"
        array = np.zeros((30, 40), np.uint8)
        array[5:15, 5:15], array[20:25, 5:15] = 1, 2
        write_mask(path, array)
    assert check(davis) == ["2 objects here, 1 there"]


def test_it_says_when_it_is_not_installed(davis, monkeypatch):
    monkeypatch.setitem(sys.modules, "davis2017", None)
    with pytest.raises(InputError, match=r"not installed: pip install 'vos-toolkit\[davis\]'"):
        check(davis)


def test_an_exit_of_the_official_code_is_an_error(davis, official):
    official(stop=True)
    with pytest.raises(InputError, match="refused the masks"):
        check(davis)


def test_only_the_protocol_itself_is_compared(davis, official):
    official()
    with pytest.raises(InputError, match="takes the protocol as it is"):
        check(davis, ScoringRules(first_last="keep"))
    with pytest.raises(InputError, match="this is folder of sequences"):
        check(davis, truth=davis / "Annotations/480p")
