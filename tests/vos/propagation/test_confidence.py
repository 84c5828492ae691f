"""How sure masks are: by hand, as a tracker says it, and against the truth on real sequences."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from tests.data.scenes import CONFIG, scene, two
from vos.backbones.loading import load_backbone
from vos.datasets.loading import load_dataset
from vos.evaluation.j_and_f import region_similarity
from vos.propagation.confidence import GIVEN, ObjectConfidence, object_confidence
from vos.propagation.propagator import LabelPropagator
from vos.video.images import read_image


def labels_of(*objects):
    """Labels (C, h, w) of objects' shares, the rest background."""
    shares = torch.tensor(objects, dtype=torch.float32)
    return torch.cat([1 - shares.sum(0, keepdim=True), shares])


def test_by_hand():
    first = [[1.0, 0.85, 0.75, 0.65], [0.45, 0.35, 0.15, 0.0]]
    second = [[0.0, 0.0, 0.0, 0.0], [0.5, 0.4, 0.3, 0.0]]
    result = object_confidence(labels_of(first, second), (7, 3))
    # above .6, .7, .8, .9: 4, 3, 2, 1 patches; above .4, .3, .2, .1: 5, 6, 6, 7
    assert list(result) == [7, 3]
    expected = round((4 / 5 + 3 / 6 + 2 / 6 + 1 / 7) / 4, 4)
    assert result[7] == ObjectConfidence(pytest.approx(expected), False)
    assert result[3] == ObjectConfidence(0, True)


def test_certain_labels_and_none_left():
    whole, nothing = [[1.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]
    result = object_confidence(labels_of(whole, nothing), (1, 2))
    assert result == {1: ObjectConfidence(1, False), 2: ObjectConfidence(0, True)}


def test_sharper_labels_are_surer():
    """Shares of a softmax of log probabilities, as another engine gives them, are labels too."""
    logits = torch.randn(3, 20, 30, generator=torch.Generator().manual_seed(0))
    values = [object_confidence((s * logits).softmax(0), (1, 2))[1].confidence for s in (1, 3, 9)]
    assert values == sorted(values)
    assert 0 <= values[0] < values[2] <= 1


def test_objects_and_channels_have_to_fit():
    with pytest.raises(ValueError, match=r"expected labels \(2, h, w\)"):
        object_confidence(torch.zeros(3, 4, 5), (1,))


def test_no_object_has_no_confidence():
    assert object_confidence(torch.ones(1, 4, 5), ()) == {}


# --- of a tracker


def test_a_tracker_says_it_of_its_last_frame(tracker):
    assert tracker.confidence == {}
    frame, mask = two(0)
    tracker.step(frame)
    assert tracker.confidence == {}  # before the first prompt
    tracker.step(frame, mask)
    assert tracker.confidence == {i: ObjectConfidence(1, False) for i in (7, 254)}
    tracker.step(two(1)[0])
    expected = object_confidence(tracker.soft_labels, tracker.objects)
    assert tracker.confidence == expected
    assert all(0.5 < c.confidence <= 1 and not c.absent for c in expected.values())
    tracker.reset()
    assert tracker.confidence == {}


@pytest.mark.parametrize(
    "change",
    [{}, {"mode": "adaptive", "adaptive_reach": 32}, {"prompt_sampling": "bilinear"}],
    ids=["protocol", "adaptive", "bilinear"],
)
def test_given_masks_are_certain(backbone, change):
    """Also where labels by patches are not, and where an object is smaller than a patch."""
    tracker = LabelPropagator(backbone, replace(CONFIG, **change))
    frame, mask = scene((7, 8, 8, 30, 30), (254, 41, 51, 43, 53))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tracker.step(frame, mask)
    assert tracker.confidence == dict.fromkeys((7, 254), GIVEN)
    tracker.step(frame)
    assert tracker.confidence == object_confidence(tracker.soft_labels, tracker.objects)


def test_nothing_is_left_of_the_last_object(tracker):
    tracker.step(*two(0))
    tracker.step(two(1)[0])
    for object_id in (7, 254):
        tracker.remove(object_id)
    assert not tracker.step(two(2)[0]).any()
    assert tracker.confidence == {} and tracker.soft_labels is None


def test_an_object_that_left_is_absent(tracker):
    tracker.step(*two(0))
    left, _ = scene((7, 8, 10, 32, 34))
    for _ in range(3):
        tracker.step(left)
    assert not tracker.confidence[7].absent
    assert tracker.confidence[254].absent
    assert tracker.confidence[254].confidence < 0.1


def test_a_removed_object_is_left_out_from_the_next_frame_on(tracker):
    tracker.step(*two(0))
    tracker.step(two(1)[0])
    before = tracker.confidence
    tracker.remove(7)
    assert tracker.confidence == before
    tracker.step(two(2)[0])
    assert list(tracker.confidence) == [254]


def test_a_restored_tracker_says_the_same_of_the_next_frame(tracker, backbone):
    frames = [two(n)[0] for n in range(4)]
    for number in range(3):
        tracker.step(frames[number], two(0)[1] if number == 0 else None)
    restored = LabelPropagator(backbone, CONFIG)
    restored.restore(tracker.snapshot(), dict(enumerate(frames)))
    assert restored.confidence == {}
    for each in (tracker, restored):
        each.step(frames[3])
    assert restored.confidence == tracker.confidence


@pytest.mark.slow
def test_frames_are_ranked_as_by_their_true_j(shared_data):
    """The start of three training sequences, by the protocol with the built-in features."""
    backbone = load_backbone("efficientnet_lite0", device="cpu", precision="fp32")
    scores, sure = [], []
    for sequence in load_dataset(shared_data / "davis-train", "train").sequences:
        if sequence.name not in {"dance-jump", "motorbike", "soccerball"}:
            continue
        tracker = LabelPropagator(backbone)
        for number, name in enumerate(sequence.frame_names[:26]):
            truth = sequence.read_annotation(name)
            mask = tracker.step(read_image(sequence.frames[number]), None if number else truth)
            if number:
                scores.append(region_similarity(mask == 1, truth == 1))
                sure.append(tracker.confidence[1].confidence)
    assert spearmanr(sure, scores)[0] > 0.75
    least = np.argsort(sure)[: len(sure) // 10]
    assert np.mean(np.array(scores)[least]) < np.mean(scores) - 0.1
