"""Scoring folders: equality with the official figures, folders that do not fit."""

import json

import numpy as np
import pytest

from tests.data.predictions import square
from vos.datasets.loading import load_dataset
from vos.errors import InputError
from vos.evaluation.evaluate import evaluate
from vos.evaluation.reports import GLOBAL_COLUMNS, global_row
from vos.evaluation.rules import ScoringRules
from vos.masks.io import write_mask

TASKS = ["semi-supervised", "unsupervised"]


@pytest.fixture(scope="module")
def official(shared_data):
    return json.loads((shared_data / "davis-scoring/official_results.json").read_text())


@pytest.fixture(scope="module", params=TASKS)
def scored(request, shared_data, official):
    """Our scores and the official ones of a task."""
    root, task = shared_data / "davis-scoring", request.param
    found = evaluate(
        root / task,
        root / "DAVIS",
        rules=ScoringRules(task=task),
        sequences=official[task]["per_frame"],
        processes=2,
    )
    return found, official[task]


def test_every_frame_equals_the_official_figure(scored):
    found, expected = scored
    assert sum(len(s.objects) for s in found.sequences) == len(found.objects)
    for name, values in expected["per_frame"].items():
        for k, score in enumerate(found[name].objects):
            assert np.abs(score.j_frames - values["J"][k]).max() < 1e-9
            assert np.abs(score.f_frames - values["F"][k]).max() < 1e-9


def test_every_object_equals_the_official_figures(scored):
    found, expected = scored
    assert [o.name for o in found.objects] == list(expected["per_object"])
    for score in found.objects:
        for metric, ours in (("J", score.j), ("F", score.f)):
            for statistic in ("mean", "recall", "decay"):
                official_value = expected["per_object"][score.name][f"{metric}_{statistic}"]
                assert getattr(ours, statistic) == pytest.approx(official_value, abs=1e-9)


def test_the_set_equals_the_official_figures(scored):
    found, expected = scored
    for column, value in zip(GLOBAL_COLUMNS, global_row(found), strict=True):
        assert value == pytest.approx(expected["global"][column], abs=1e-9)


@pytest.mark.parametrize("processes", [1, 2, None])
def test_two_folders_are_enough(folders, processes):
    calls = []
    found = evaluate(*folders, processes=processes, on_progress=lambda *n: calls.append(n))
    assert [(o.name, o.j.mean) for o in found.objects] == [("a_3", 1.0), ("b_3", 1 / 3)]
    assert found.jf_mean == pytest.approx(2 / 3)
    assert [s.jf_mean for s in found.sequences] == pytest.approx([1, 1 / 3])
    assert calls[-1] == (5, 5)


def test_an_opened_dataset_and_chosen_sequences(folders):
    dataset = load_dataset(folders[1], sequences=["b"], images=False)
    found = evaluate(folders[0], dataset)
    assert [s.name for s in found.sequences] == ["b"]
    with pytest.raises(KeyError):
        found["a"]


def test_a_single_folder_of_masks(folders):
    assert evaluate(folders[0] / "a", folders[1] / "a").jf_mean == 1.0


def test_a_folder_of_other_things(folders, tmp_path):
    (tmp_path / "other/x").mkdir(parents=True)
    with pytest.raises(InputError, match=r"not one predicted mask.*\(a, b, ...\).*there is x"):
        evaluate(tmp_path / "other", folders[1], rules=ScoringRules(missing="empty"))
    with pytest.raises(InputError, match="no such folder"):
        evaluate(tmp_path / "nowhere", folders[1])


def test_no_object_has_a_frame_that_counts(tmp_path):
    for kind in ("truth", "found"):
        for t, array in enumerate([square(0, 5), square(0, 5), square(0, 5), square(1, 5)]):
            path = tmp_path / kind / "a" / f"{t}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_mask(path, array)
    with pytest.raises(InputError, match="no object"):
        evaluate(tmp_path / "found", tmp_path / "truth")
