"""Scoring one sequence: which frames and objects count, and what does not fit."""

import numpy as np
import pytest
from PIL import Image

from vos.datasets.sequence import VideoSequence
from vos.errors import InputError
from vos.evaluation.rules import ScoringRules
from vos.evaluation.sequence_scoring import score_sequence
from vos.files import files_by_name
from vos.masks.io import write_mask

SIZE = (40, 60)
UNSUPERVISED = ScoringRules(task="unsupervised")


def mask(squares, size=SIZE):
    """A mask with a 10-pixel square of each id at its left column: {id: column}."""
    array = np.zeros(size, np.uint8)
    for number, column in squares.items():
        array[10:20, column : column + 10] = number
    return array


@pytest.fixture
def scored(tmp_path):
    """A function that writes truths and predictions (lists of masks) and scores them."""

    def score(truths, predictions, rules=None, **known):
        for kind, masks in (("truth", truths), ("clip", predictions)):
            (tmp_path / kind).mkdir()
            for t, array in enumerate(masks):
                if array is not None:
                    write_mask(tmp_path / kind / f"{t:05d}.png", array)
        sequence = VideoSequence("clip", files_by_name(tmp_path / "truth", {".png"}), **known)
        return score_sequence(sequence, tmp_path / "clip", rules or ScoringRules())

    return score


def test_first_and_last_frame_do_not_count(scored):
    right, wrong = mask({1: 5}), mask({1: 40})
    found = scored([right] * 4, [wrong, right, right, wrong]).objects[0]
    assert found.frames == ("00001", "00002")
    assert found.name == "clip_1"
    assert (found.j.mean, found.f.mean, found.jf_mean) == (1.0, 1.0, 1.0)


def test_they_count_if_asked_for(scored):
    right, wrong = mask({1: 5}), mask({1: 40})
    rules = ScoringRules(first_last="keep")
    assert scored([right] * 4, [wrong, right, right, wrong], rules).j_mean == 0.5


def test_first_and_last_predictions_may_be_absent(scored):
    right = mask({1: 5})
    assert scored([right] * 4, [None, right, right, None]).jf_mean == 1.0


def test_ids_need_not_be_consecutive(scored):
    truth = mask({3: 5, 250: 30})
    found = scored([truth] * 4, [truth, truth, mask({3: 5}), truth])
    assert [o.name for o in found.objects] == ["clip_3", "clip_250"]
    assert [o.j.mean for o in found.objects] == [1.0, 0.5]


def test_an_object_that_is_never_predicted_counts_as_empty(scored):
    truth = mask({1: 5, 2: 30})
    found = scored([truth] * 4, [mask({1: 5})] * 4)
    assert [o.j.mean for o in found.objects] == [1.0, 0.0]
    assert (found.j_mean, found.f_mean) == (0.5, 0.5)


def test_an_object_that_is_gone_from_both_is_right(scored):
    there, gone = mask({1: 5, 2: 30}), mask({2: 30})
    assert scored([there, there, gone, gone], [there, there, gone, gone]).jf_mean == 1.0


def test_void_counts_as_background_in_the_semi_supervised_task(scored):
    truth, predicted = mask({1: 5, 255: 15}), mask({1: 5})
    predicted[10:20, 15:25] = 1
    assert scored([truth] * 4, [predicted] * 4).j_mean == 0.5


def test_extra_ids_are_an_error_that_names_sequence_frame_and_ids(scored):
    truth = mask({1: 5, 2: 20})
    frames = [truth, truth, mask({1: 5, 7: 20, 255: 40}), mask({4: 5}), truth, truth]
    with pytest.raises(InputError) as caught:
        scored([truth] * 6, frames)
    text = str(caught.value)
    assert "sequence clip" in text
    assert "frame 00002: ids 7, 255" in text
    assert "frame 00003: ids 4" in text
    assert "objects are 1, 2" in text
    assert "--extra-objects ignore" in text


def test_extra_ids_are_background_if_asked_for(scored):
    truth = mask({1: 5})
    frames = [truth, mask({1: 5, 7: 20}), truth, truth]
    found = scored([truth] * 4, frames, ScoringRules(extra_objects="ignore"))
    assert found.ignored == (7,)
    assert found.jf_mean == 1.0


def test_missing_frames_are_listed(scored):
    truth = mask({1: 5})
    with pytest.raises(InputError, match=r"(?s)clip: 2 \(00002, 00003\).*--missing empty"):
        scored([truth] * 6, [truth, truth, None, None, truth, truth])


def test_missing_frames_count_as_empty_if_asked_for(scored):
    truth = mask({1: 5})
    rules = ScoringRules(missing="empty")
    found = scored([truth] * 6, [truth, truth, None, None, truth, truth], rules)
    assert found.missing == ("00002", "00003")
    assert found.j_mean == found.f_mean == 0.5


def test_other_sizes_are_refused(scored):
    truth = mask({1: 5})
    with pytest.raises(InputError, match=r"00002\.png: 120x80 pixels.*frame 00002, is 60x40"):
        scored([truth] * 4, [truth, truth, mask({1: 5}, (80, 120)), truth])


def test_unreadable_and_coloured_masks_are_refused(scored, tmp_path):
    truth = mask({1: 5})
    with pytest.raises(InputError, match="missing"):
        scored([truth] * 4, [truth])
    sequence = VideoSequence("clip", files_by_name(tmp_path / "truth", {".png"}))
    Image.new("RGB", SIZE[::-1]).save(tmp_path / "clip/00001.png")
    write_mask(tmp_path / "clip/00002.png", truth)
    with pytest.raises(InputError, match=r"00001\.png: .*RGB"):
        score_sequence(sequence, tmp_path / "clip", ScoringRules())
    (tmp_path / "clip/00001.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    with pytest.raises(InputError, match=r"00001\.png"):
        score_sequence(sequence, tmp_path / "clip", ScoringRules())


def test_too_few_frames(scored):
    with pytest.raises(InputError, match=r"clip: 2 annotated frames.*--first-last keep"):
        scored([mask({1: 5})] * 2, [mask({1: 5})] * 2)


@pytest.mark.parametrize("task", ["semi-supervised", "unsupervised"])
def test_no_object_in_the_first_frame(scored, task):
    empty = mask({})
    with pytest.raises(InputError, match="clip: no object"):
        scored([empty, mask({1: 5}), empty], [empty] * 3, ScoringRules(task=task))


def test_ids_that_appear_later_are_no_objects_by_default(scored):
    one, two = mask({1: 5}), mask({1: 5, 2: 30})
    found = scored([one, two, two, two], [one] * 4)
    assert [o.object_id for o in found.objects] == [1]


@pytest.mark.parametrize("known", [{"later_objects": True}, {"starts": {1: "00000", 2: "00002"}}])
def test_later_objects_count_from_the_frame_after_their_first(scored, known):
    one, two = mask({1: 5}), mask({1: 5, 2: 30})
    found = scored([one, one, two, two, two, two], [one, two, two, one, two, two], **known)
    assert found.objects[1].frames == ("00003", "00004")
    assert found.objects[1].j.mean == 0.5
    assert found.objects[0].frames == ("00001", "00002", "00003", "00004")


def test_later_objects_count_with_their_first_frame_if_the_ends_do(scored):
    one, two = mask({1: 5}), mask({1: 5, 2: 30})
    rules = ScoringRules(first_last="keep")
    found = scored([one, one, two], [one, one, two], rules, later_objects=True)
    assert found.objects[1].frames == ("00002",)


def test_an_object_too_late_to_count_is_named(scored):
    one, two = mask({1: 5}), mask({1: 5, 2: 30})
    found = scored([one, one, two, two], [one, one, two, two], later_objects=True)
    assert found.unscored == (2,)
    assert [o.object_id for o in found.objects] == [1]


def test_one_object_takes_any_value_in_davis_2016(scored):
    truth, predicted = mask({1: 5, 2: 30}), mask({255: 5, 7: 30})
    assert scored([truth] * 3, [predicted] * 3, values="merged").jf_mean == 1.0


def test_a_long_sequence_has_the_right_decay(scored):
    truth, empty = mask({1: 5}), mask({})
    found = scored([truth] * 402, [truth] * 201 + [empty] * 201).objects[0]
    assert len(found.frames) == 400
    assert found.j.decay == 1.0


def test_proposals_are_matched_to_objects(scored):
    truth = mask({1: 5, 2: 30})
    found = scored([truth] * 4, [mask({9: 30, 4: 5, 3: 45})] * 4, UNSUPERVISED)
    assert [(o.object_id, o.proposal) for o in found.objects] == [(1, 4), (2, 9)]
    assert found.jf_mean == 1.0
    assert found.objects[0].frames == ("00000", "00001", "00002", "00003")


def test_objects_are_numbered_by_their_proposals(scored):
    truth = mask({1: 5, 2: 30})
    found = scored([truth] * 3, [mask({1: 30, 2: 5})] * 3, UNSUPERVISED)
    assert [(o.name, o.object_id) for o in found.objects] == [("clip_1", 2), ("clip_2", 1)]


def test_objects_without_a_proposal_are_matched_to_empty_ones(scored):
    truth = mask({1: 5, 2: 30})
    found = scored([truth] * 3, [mask({6: 30})] * 3, UNSUPERVISED)
    assert [(o.object_id, o.proposal, o.j.mean) for o in found.objects] == [(2, 6, 1), (1, None, 0)]


def test_frames_in_which_one_or_both_are_empty(scored):
    truth, empty = mask({1: 5}), mask({})
    predictions = [mask({3: 5}), empty, empty, mask({3: 5})]
    found = scored([truth, truth, empty, empty], predictions, UNSUPERVISED).objects[0]
    assert found.j_frames.tolist() == found.f_frames.tolist() == [1, 0, 1, 0]


def test_a_proposal_is_empty_before_it_appears(scored):
    truth, empty = mask({1: 5}), mask({})
    predictions = [empty, empty, mask({8: 5}), mask({8: 5, 9: 40})]
    found = scored([truth] * 4, predictions, UNSUPERVISED).objects[0]
    assert (found.proposal, found.j_frames.tolist()) == (8, [0, 0, 1, 1])


def test_an_object_that_fills_the_frame_has_no_boundary(scored):
    full, empty = np.ones(SIZE, np.uint8), mask({})
    found = scored([full] * 3, [full, empty, full], UNSUPERVISED).objects[0]
    assert found.j_frames.tolist() == [1, 0, 1]
    assert found.f_frames.tolist() == [1, 1, 1]


def test_void_is_ignored_in_the_unsupervised_task(scored):
    truth, predicted = mask({1: 5, 255: 15}), mask({1: 5})
    predicted[10:20, 15:25] = 1
    found = scored([truth] * 3, [predicted] * 3, UNSUPERVISED)
    assert found.jf_mean == 1.0


def test_more_than_twenty_proposals_are_refused(scored):
    crowd = np.zeros(SIZE, np.uint8)
    crowd[0, :21] = np.arange(1, 22)
    with pytest.raises(InputError, match=r"clip: 21 proposals.*at most 20"):
        scored([mask({1: 5})] * 3, [crowd] * 3, UNSUPERVISED)


def test_white_in_proposals_is_refused_or_ignored(scored, tmp_path):
    truth = mask({1: 5})
    with pytest.raises(InputError, match="frame 00001: ids 255"):
        scored([truth] * 3, [truth, mask({1: 5, 255: 30}), truth], UNSUPERVISED)
    sequence = VideoSequence("clip", files_by_name(tmp_path / "truth", {".png"}))
    rules = ScoringRules(task="unsupervised", extra_objects="ignore")
    found = score_sequence(sequence, tmp_path / "clip", rules)
    assert (found.ignored, found.jf_mean) == ((255,), 1.0)
