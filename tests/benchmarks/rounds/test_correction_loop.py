import numpy as np
import pytest
import torch

from benchmarks.rounds.correction_loop import CorrectionLoop, RoundRules
from tests.data.davis import make_davis
from vos.datasets.loading import load_dataset
from vos.masks.io import write_mask
from vos.propagation.config import PropagationConfig


class FixedMasks(CorrectionLoop):
    """A loop whose propagation gives masks that a test says, but for prompted objects."""

    def __init__(self, *arguments, masks):
        super().__init__(*arguments)
        self.masks = masks
        self.prompted = []

    def _propagate(self):
        self.prompted.append({frame: ids.copy() for frame, ids in self._prompts.items()})
        folder = self._work / "masks"
        folder.mkdir(parents=True, exist_ok=True)
        for frame, ids in self.masks.items():
            prompt = self._prompts.get(frame, np.zeros_like(ids))
            known = np.isin(ids, np.unique(prompt))
            write_mask(folder / f"{frame}.png", np.where(known | (prompt > 0), prompt, ids))


class Features:
    """A backbone whose features are the frame's colours."""

    def features(self, image, **_):
        class Computed:
            patches = torch.from_numpy(image[::4, ::4].astype(np.float32)).permute(2, 0, 1)[
                None, None
            ]

        return Computed


@pytest.fixture
def sequence(tmp_path):
    data = make_davis(tmp_path / "DAVIS", {"bear": 4})
    return load_dataset(data, "val").sequences[0]


def loop(sequence, tmp_path, masks, *, rounds=2, first="given", clicks=1):
    rules = RoundRules(rounds, first, 3, ("protocol",), 64, clicks)
    config = PropagationConfig(short_side=64)
    return FixedMasks(sequence, Features(), config, rules, tmp_path / "work", masks=masks)


def truths(sequence):
    return {frame: sequence.read_annotation(frame) for frame in sequence.annotations}


def test_the_worst_object_and_frame_is_clicked_and_becomes_a_prompt(sequence, tmp_path):
    masks = truths(sequence)
    masks["00001"] = np.where(masks["00001"] == 2, 0, masks["00001"])  # object 2 is lost
    masks["00002"] = masks["00002"].copy()
    masks["00002"][:10] = 0  # some of object 1 is
    rounds = loop(sequence, tmp_path, masks)
    outcomes = rounds.run(lambda: None)
    first, second = (outcome["correction"] for outcome in outcomes[1:])
    assert (first["frame"], first["object"]) == ("00001", 2)
    assert (second["frame"], second["object"]) == ("00002", 1)
    assert [[c["positive"] for c in o["clicks"]] for o in (first, second)] == [[True], [True]]
    assert first["j_before"] == 0 and first["j_after"] > 0.9 and second["j_after"] > 0.9
    assert [sorted(prompts) for prompts in rounds.prompted] == [
        ["00000"],
        ["00000", "00001"],
        ["00000", "00001", "00002"],
    ]
    assert set(np.unique(rounds.prompted[2]["00001"])) == {0, 2}  # of what was corrected alone
    assert outcomes[2]["objects"]["2"]["J"] > outcomes[0]["objects"]["2"]["J"]
    assert not (tmp_path / "work").exists()


def test_a_correction_may_have_several_clicks_and_ends_where_the_mask_is_right(sequence, tmp_path):
    masks = truths(sequence)
    masks["00001"] = np.where(masks["00001"] == 1, 0, masks["00001"])
    masks["00002"] = masks["00002"].copy()
    masks["00002"][:16, 60:90] = masks["00002"][50:62, 60:90] = 1  # surplus in two places
    rounds = loop(sequence, tmp_path, masks, clicks=3)
    corrections = [outcome["correction"] for outcome in rounds.run(lambda: None)[1:]]
    by_frame = {c["frame"]: [click["positive"] for click in c["clicks"]] for c in corrections}
    assert by_frame == {"00001": [True], "00002": [False, False]}
    assert all(c["j_after"] > 0.9 for c in corrections)


def test_where_nothing_is_wrong_the_rounds_end(sequence, tmp_path):
    outcomes = loop(sequence, tmp_path, truths(sequence)).run(lambda: None)
    assert len(outcomes) == 1 and outcomes[0]["correction"] is None
    assert outcomes[0]["objects"]["1"]["J"] == outcomes[0]["objects"]["1"]["worst_J"] == 1


def test_first_masks_of_clicks_are_corrected_by_more_clicks_on_them(sequence, tmp_path):
    rounds = loop(sequence, tmp_path, truths(sequence), rounds=0, first="clicks")
    rounds.run(lambda: None)
    (prompts,) = rounds.prompted
    truth = sequence.read_annotation("00000")
    for number in (1, 2):
        made, right = prompts["00000"] == number, truth == number
        assert (made & right).sum() / (made | right).sum() > 0.9
    assert all(clicked.base is None for clicked in rounds._clicked.values())
