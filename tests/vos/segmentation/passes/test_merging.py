"""Labels of both passes, merged by distance and confidence."""

import pytest
import torch

from vos.segmentation.passes.merging import merge_labels, pass_confidence
from vos.segmentation.passes.pass_labels import FrameLabels


def labels_of(*objects, shape=(2, 3)):
    """Labels (C, h, w) of which each object has a share of every patch, or of each patch."""
    shares = torch.stack([torch.as_tensor(o, dtype=torch.float32).expand(shape) for o in objects])
    return torch.cat([1 - shares.sum(0, keepdim=True), shares])


def frame(ids, *objects):
    return FrameLabels(labels_of(*objects), ids, None)


def test_confidence_is_the_margin_where_the_object_is():
    labels = labels_of([[1.0, 0.7, 0], [0, 0, 0]], 0.0)
    assert pass_confidence(labels).tolist() == pytest.approx([(1 + 0.7 * 0.4) / 1.7, 0])


def test_the_nearer_prompt_weighs_more():
    merged = merge_labels(frame((5,), 1.0), frame((5,), 0.8), {5: (1, 3)})
    ahead, behind = 3**0.5 * 1.0, 1 * 0.6  # by the frames to the other prompt and the margin
    expected = (ahead * 1.0 + behind * 0.8) / (ahead + behind)
    assert merged.objects == (5,)
    assert merged.labels[1].flatten().tolist() == pytest.approx([expected] * 6)
    assert torch.allclose(merged.labels.sum(0), torch.ones(2, 3))


def test_a_pass_that_lost_the_object_says_nothing_against_the_other():
    merged = merge_labels(frame((5,), 0.0), frame((5,), 0.9), {5: (1, 3)})
    assert merged.labels[1].flatten().tolist() == pytest.approx([0.9] * 6)


def test_an_object_that_both_lost_is_nowhere():
    merged = merge_labels(frame((5,), 0.0), frame((5,), 0.0), {5: (1, 3)})
    assert not merged.labels[1].any()
    assert merged.labels[0].eq(1).all()


def test_a_prompted_frame_takes_both_alike():
    merged = merge_labels(frame((5,), 1.0), frame((5,), 0.6), {5: (0, 0)})
    assert merged.labels[1].flatten().tolist() == pytest.approx([0.8] * 6)


def test_objects_of_one_pass_alone_are_kept_by_their_ids():
    left = [[0.9, 0, 0], [0.9, 0, 0]]
    right = [[0, 0, 0.6], [0.3, 0, 0.6]]
    merged = merge_labels(frame((7,), left), frame((2,), right), {})
    assert merged.objects == (2, 7)
    assert torch.allclose(merged.labels.sum(0), torch.ones(2, 3))
    assert merged.labels[:, 0, 0].tolist() == pytest.approx([0.1, 0, 0.9])
    assert merged.labels[:, 1, 0].tolist() == pytest.approx([0, 0.25, 0.75])  # both claim it
    assert merged.labels[:, 0, 2].tolist() == pytest.approx([0.4, 0.6, 0])


def test_the_order_of_the_passes_does_not_matter():
    torch.manual_seed(0)
    one = FrameLabels(torch.rand(3, 4, 5).softmax(0), (4, 1), None)
    other = FrameLabels(torch.rand(3, 4, 5).softmax(0), (1, 9), None)
    ahead = merge_labels(one, other, {1: (2, 7)})
    back = merge_labels(other, one, {1: (7, 2)})
    assert ahead.objects == back.objects == (1, 4, 9)
    assert torch.equal(ahead.labels, back.labels)
