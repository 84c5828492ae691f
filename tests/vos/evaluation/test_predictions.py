"""Folders of predicted masks in which some are missing."""

import numpy as np
import pytest
from PIL import Image

from vos.datasets.loading import load_dataset
from vos.errors import InputError
from vos.evaluation.evaluate import evaluate
from vos.evaluation.reports import as_json, score_lines
from vos.evaluation.rules import ScoringRules
from vos.masks.io import write_mask


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


def figures(evaluation):
    return as_json(evaluation)["sequences"]


def renumbered(folder, change):
    """Rename the masks of all sequences by a function of their number."""
    for sequence in folder.iterdir():
        files = sorted(sequence.iterdir(), reverse=True)
        for path in files:
            path.rename(path.with_name(change(int(path.stem)) + ".png"))


@pytest.mark.parametrize("missing", ["error", "empty"])
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda n: f"{n + 1:05d}", "a: numbered from 00001, the truth from 00000"),
        (lambda n: f"{n:04d}", r"a: named 0000\.png, \.\.\., the truth 00000\.png"),
    ],
)
def test_masks_under_other_numbers_are_named_and_not_scored(folders, change, told, missing):
    renumbered(folders[0], change)
    with pytest.raises(InputError, match=told):
        evaluate(*folders, rules=ScoringRules(missing=missing))


def test_a_prediction_without_its_first_mask_is_not_taken_for_a_shifted_one(folders):
    scores = evaluate(*folders)
    for name in "ab":
        (folders[0] / name / "00000.png").unlink()
    assert evaluate(*folders).jf_mean == scores.jf_mean


def test_masks_are_searched_where_runs_keep_them(folders, tmp_path):
    scores = evaluate(*folders)
    (tmp_path / "run").mkdir()
    moved = folders[0].rename(tmp_path / "run/masks")
    assert figures(evaluate(tmp_path / "run", folders[1])) == figures(scores)
    one = evaluate(moved / "a", folders[1] / "a")
    for sequence in list(moved.iterdir()):
        inner = tmp_path / "each" / sequence.name
        inner.mkdir(parents=True)
        sequence.rename(inner / "masks")
    assert figures(evaluate(tmp_path / "each", folders[1])) == figures(scores)
    assert figures(evaluate(tmp_path / "each/a", folders[1] / "a")) == figures(one)


def white(folder, ids):
    """Draw the pixels of an object in 255 in all masks of a folder."""
    for path in folder.rglob("*.png"):
        stored = np.asarray(Image.open(path))
        Image.fromarray(np.where(np.isin(stored, ids), 255, 0).astype(np.uint8)).save(path)


@pytest.mark.parametrize("extra", ["error", "ignore"])
def test_white_predictions_are_the_only_object(folders, extra):
    scores = evaluate(*folders)
    white(folders[0], [3])
    scored = evaluate(*folders, rules=ScoringRules(extra_objects=extra))
    assert figures(scored) == figures(scores)
    assert scored["a"].white == ("the predicted masks are white (0 and 255): taken as object 3",)
    assert any("note: a: the predicted masks are white" in line for line in score_lines(scored))


def test_white_proposals_are_one(folders):
    rules = ScoringRules(task="unsupervised")
    scores = evaluate(*folders, rules=rules)
    white(folders[0], [3])
    scored = evaluate(*folders, rules=rules)
    assert scored.jf_mean == scores.jf_mean
    assert "taken as proposal 1" in scored["a"].white[0]


@pytest.mark.parametrize("extra", ["error", "ignore"])
def test_white_predictions_of_several_objects_are_refused(folders, extra):
    for path in folders[1].rglob("*.png"):
        stored = np.array(Image.open(path))
        stored[-4:] = 7
        write_mask(path, stored)
    white(folders[0], [3])
    with pytest.raises(InputError, match=r"white .* objects 3, 7") as caught:
        evaluate(*folders, rules=ScoringRules(extra_objects=extra))
    assert "--extra-objects" not in str(caught.value)


def test_a_white_truth_is_one_object_also_after_empty_frames(folders):
    white(folders[1], [3])
    for kind in folders:
        Image.fromarray(np.zeros_like(np.asarray(Image.open(kind / "a/00001.png")))).save(
            kind / "a/00000.png"
        )
    white(folders[0], [3])
    scored = evaluate(*folders)
    assert [o.name for o in scored.objects] == ["a_1", "b_1"]
    assert scored["a"].jf_mean == 1
    assert "the true masks are white (0 and 255): the object is id 1" in scored["a"].white


def test_void_before_the_first_object_is_not_a_white_truth(folders):
    shape = np.asarray(Image.open(folders[1] / "a/00000.png")).shape
    empty, void = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    void[:2] = 255
    write_mask(folders[1] / "a/00000.png", empty)
    write_mask(folders[1] / "a/00001.png", void)
    sequence = load_dataset(folders[1], images=False).sequences[0]
    assert sequence.values == "ids"
