"""The adaptive mode: masks, prompts, removal, states, and the way back to the protocol."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.data.scenes import CONFIG, scene, two
from vos.propagation.adaptive_propagation import AdaptivePropagation, engine_for, target_strength
from vos.propagation.context_propagation import ContextPropagation
from vos.propagation.propagator import LabelPropagator
from vos.propagation.snapshot import load_snapshot, save_snapshot
from vos.propagation.target_model import Reliability

ADAPTIVE = replace(CONFIG, mode="adaptive", adaptive_reach=32)


@pytest.fixture
def tracker(backbone):
    return LabelPropagator(backbone, ADAPTIVE)


def iou(mask, truth, object_id):
    ours, theirs = mask == object_id, truth == object_id
    return (ours & theirs).sum() / max(1, (ours | theirs).sum())


def run(tracker, steps, prompts):
    """Step over `two`'s frames with prompts by step: None, or the ids that it gives."""
    masks = []
    for step in steps:
        image, truth = two(step)
        ids = prompts.get(step)
        prompt = None if ids is None else np.where(np.isin(truth, ids), truth, 0).astype(np.uint8)
        masks.append(tracker.step(image, prompt))
    return masks


def test_objects_are_followed(tracker):
    masks = run(tracker, range(10), {0: [7, 254]})
    assert np.array_equal(masks[0], two(0)[1])
    for step in range(1, 10):
        truth = two(step)[1]
        assert iou(masks[step], truth, 7) > 0.75, step
        assert iou(masks[step], truth, 254) > 0.75, step
    labels = tracker.soft_labels
    assert torch.allclose(labels.sum(0), torch.ones_like(labels[0]))


def test_one_object_is_the_two_channel_case(backbone):
    """What an id is called does not matter, and a mask of one object has two channels."""
    given = [LabelPropagator(backbone, ADAPTIVE) for _ in range(2)]
    for step in range(6):
        image, truth = two(step)
        first = given[0].step(
            image, np.where(truth == 7, 7, 0).astype(np.uint8) if not step else None
        )
        other = given[1].step(
            image, np.where(truth == 7, 3, 0).astype(np.uint8) if not step else None
        )
        assert given[0].soft_labels.shape[0] == 2
        assert torch.equal(given[0].soft_labels, given[1].soft_labels)
        assert np.array_equal(first == 7, other == 3)


def test_an_object_added_later_is_followed_beside_the_first(tracker):
    masks = run(tracker, range(14), {0: [7], 5: [254]})
    assert set(np.unique(masks[4])) <= {0, 7}
    assert tracker.objects == (7, 254)
    for step in range(6, 14):
        truth = two(step)[1]
        assert iou(masks[step], truth, 7) > 0.7, step
        assert iou(masks[step], truth, 254) > 0.7, step


def test_a_correction_holds(tracker):
    run(tracker, range(5), {0: [7, 254]})
    image, truth = two(5)
    mask = tracker.step(image, truth)
    assert np.array_equal(mask, truth)
    masks = run(tracker, range(6, 9), {})
    assert iou(masks[-1], two(8)[1], 7) > 0.7


def test_a_removed_object_is_background(tracker):
    run(tracker, range(7), {0: [7, 254]})
    tracker.remove(7)
    assert tracker.objects == (254,)
    masks = run(tracker, range(7, 10), {})
    assert set(np.unique(masks[-1])) <= {0, 254}
    assert iou(masks[-1], two(9)[1], 254) > 0.7
    tracker.remove(254)
    assert not tracker.step(two(10)[0]).any()
    assert np.array_equal(tracker.step(*two(11)), two(11)[1])


@pytest.mark.parametrize("change", [{}, {"adaptive_recent": 9}, {"n_last_frames": 0}])
@pytest.mark.parametrize("at", range(0, 12, 2))
def test_a_snapshot_goes_on_to_the_same_masks(backbone, tmp_path, at, change):
    prompts, config = {1: [7], 4: [7, 254], 6: [7]}, replace(ADAPTIVE, **change)
    whole = LabelPropagator(backbone, config)
    masks = run(whole, range(14), prompts)
    first = LabelPropagator(backbone, config)
    run(first, range(at + 1), prompts)
    save_snapshot(tmp_path / "state", first.snapshot())
    loaded = load_snapshot(tmp_path / "state")
    again = LabelPropagator(backbone, config)
    again.restore(loaded, {n: two(n)[0] for n in loaded.frames})
    for ours, want in zip(run(again, range(at + 1, 14), prompts), masks[at + 1 :], strict=True):
        assert np.array_equal(ours, want)
    assert torch.equal(again.soft_labels, whole.soft_labels)


def test_a_snapshot_after_a_removal_goes_on_to_the_same_masks(backbone, tmp_path):
    trackers = [LabelPropagator(backbone, ADAPTIVE)]
    run(trackers[0], range(8), {0: [7, 254]})
    trackers[0].remove(7)
    run(trackers[0], range(8, 9), {})
    save_snapshot(tmp_path / "state", trackers[0].snapshot())
    loaded = load_snapshot(tmp_path / "state")
    trackers.append(LabelPropagator(backbone, ADAPTIVE))
    trackers[1].restore(loaded, {n: two(n)[0] for n in loaded.frames})
    ours, want = (run(tracker, range(9, 14), {}) for tracker in trackers)
    assert all(np.array_equal(a, b) for a, b in zip(ours, want, strict=True))


def test_features_that_say_nothing_leave_the_protocol(backbone):
    """With an error on the given mask beyond what is useful, every mask is the protocol's."""
    useless = replace(ADAPTIVE, adaptive_trusted_error=0.0, adaptive_useless_error=1e-9)
    ours = run(LabelPropagator(backbone, useless), range(8), {0: [7], 3: [254]})
    want = run(LabelPropagator(backbone, CONFIG), range(8), {0: [7], 3: [254]})
    assert all(np.array_equal(a, b) for a, b in zip(ours, want, strict=True))


def test_the_engine_follows_from_the_given_mask():
    generator = torch.Generator().manual_seed(0)
    labels = torch.zeros(300, 2)
    labels[:, 0] = 1
    labels[:80] = torch.tensor([0.0, 1.0])
    noise = torch.randn(300, 4, generator=generator)
    clear = torch.cat([labels * 3, 0.1 * noise], dim=1)
    for features, kind in ((clear, AdaptivePropagation), (noise, ContextPropagation)):
        unit = torch.nn.functional.normalize(features, dim=1).view(15, 20, -1)
        assert type(engine_for(unit, labels, ADAPTIVE, 8)) is kind


@pytest.mark.parametrize(
    ("error", "share"), [(0.0, 1.0), (0.08, 1.0), (0.1, 0.5), (0.12, 0.0), (0.5, 0.0)]
)
def test_trust_falls_with_the_error(error, share):
    config = replace(ADAPTIVE, adaptive_trusted_error=0.08, adaptive_useless_error=0.12)
    reliability = Reliability(1e-4, error, 1.0, torch.zeros(2))
    assert target_strength(reliability, config) == pytest.approx(share * config.adaptive_strength)


def test_void_of_the_first_mask_is_no_object(tracker):
    """What is void looks like neither: it is left to the propagation, and not made object 7."""
    image, truth = two(0)
    tracker.step(image, np.where(truth == 254, 255, truth).astype(np.uint8))
    image, truth = two(1)
    assert iou(tracker.step(image), truth, 7) > 0.7


def test_what_is_kept_does_not_grow(tracker):
    def kept(engine):
        target = engine._target
        return len(engine._context._memory), len(target._prompted), len(target._recent)

    image, truth = scene((7, 8, 8, 32, 32))
    tracker.step(image, truth)
    for step in range(1, 60):
        tracker.step(scene((7, 8, 8, 32, 32), seed=step)[0])
    assert kept(tracker._engine) == (1 + ADAPTIVE.n_last_frames, 1, ADAPTIVE.adaptive_recent)
    assert tracker._engine._target._kept_frames <= ADAPTIVE.adaptive_keep_most
