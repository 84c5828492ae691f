"""Which pass gives a frame, and the confidence of its outcome."""

import numpy as np
import pytest
import torch

from vos.propagation.config import PropagationConfig
from vos.segmentation.passes.both_passes import BothPasses, outcome_confidence
from vos.segmentation.passes.pass_labels import FrameLabels


def mask(*objects):
    ids = np.zeros((2, 4), np.uint8)
    for place, object_id in enumerate(objects):
        ids[:, place] = object_id
    return ids


def labels(*shares):
    parts = torch.tensor(shares).view(-1, 1, 1).expand(-1, 2, 4)
    return torch.cat([1 - parts.sum(0, keepdim=True), parts])


@pytest.mark.parametrize(
    ("prompted", "frame", "forward", "backward"),
    [
        ([0, 5], 0, False, True),
        ([0, 5], 3, True, True),
        ([0, 5], 5, True, False),
        ([0, 5], 8, True, False),
        ([4], 4, True, False),
        ([4], 2, False, True),
    ],
)
def test_a_pass_has_a_say_where_it_comes_from_a_prompt(prompted, frame, forward, backward):
    both = BothPasses({index: mask(1) for index in prompted})
    assert (both.needs_forward(frame), both.needs_backward(frame)) == (forward, backward)


def test_the_nearer_prompt_of_an_object_counts_more_and_the_frames_own_prompt_lies_above():
    both = BothPasses({0: mask(1, 2), 4: mask(2), 8: mask(1, 2)})
    forward = FrameLabels(labels(0.9, 0.0), (1, 2), None)
    backward = FrameLabels(labels(0.1, 0.0), (1, 2), None)
    asked = []

    def mask_of(merged, objects):
        asked.append(objects)
        return np.full((2, 4), 1, np.uint8)

    near = both.merged(1, forward, backward, None, mask_of)
    far = both.merged(7, forward, backward, None, mask_of)
    assert near.labels[1, 0, 0] > 0.5 > far.labels[1, 0, 0]
    prompted = both.merged(4, forward, backward, mask(2), mask_of)
    assert prompted.mask[0].tolist() == [2, 1, 1, 1]
    assert asked == [(1, 2)] * 3


def test_what_a_prompt_gives_is_certain():
    outcome = FrameLabels(labels(0.5, 0.5), (1, 2), None)
    config = PropagationConfig()
    sure = outcome_confidence(outcome, mask(2), config)
    assert sure[2].confidence == 1.0
    assert sure[1].confidence < 1.0
    assert outcome_confidence(FrameLabels(None, (), None), None, config) == {}
