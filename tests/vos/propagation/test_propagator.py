"""Tracking frame by frame: prompts, ids, corrections, removal, bounded memory, snapshots."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.data.scenes import CONFIG, HEIGHT, PATCH, WIDTH, scene, two
from vos.errors import InputError
from vos.propagation.config import PropagationConfig
from vos.propagation.propagator import LabelPropagator, unit_features


def iou(mask, truth, object_id):
    ours, theirs = mask == object_id, truth == object_id
    return (ours & theirs).sum() / max(1, (ours | theirs).sum())


def test_the_first_mask_is_the_given_one_and_ids_are_the_callers(tracker):
    image, truth = two(0)
    mask = tracker.step(image, truth)
    assert np.array_equal(mask, truth)
    assert mask.dtype == np.uint8
    assert tracker.objects == (7, 254)
    for step in range(1, 8):
        image, truth = two(step)
        mask = tracker.step(image)
        assert mask.shape == truth.shape
        assert set(np.unique(mask)) == {0, 7, 254}
        assert iou(mask, truth, 7) > 0.6
        assert iou(mask, truth, 254) > 0.5


def test_an_object_that_is_gone_leaves_no_other_id(tracker):
    image, truth = two(0)
    tracker.step(image, truth)
    for step in range(1, 12):
        image, _ = scene((7, 8, 8, 32, 32), seed=step)
        assert set(np.unique(tracker.step(image))) <= {0, 7, 254}


def test_frames_before_the_first_prompt_are_empty_and_cost_nothing(backbone):
    class Counts(LabelPropagator):
        computed = 0

        def features(self, frames):
            self.computed += len(frames)
            return super().features(frames)

    tracker = Counts(backbone, CONFIG)
    for step in range(3):
        assert not tracker.step(two(step)[0]).any()
    assert tracker.computed == 0
    assert tracker.soft_labels is None
    image, truth = two(3)
    assert np.array_equal(tracker.step(image, truth), truth)
    image, truth = two(4)
    assert iou(tracker.step(image), truth, 7) > 0.6
    assert tracker.computed == 2


def test_an_object_added_later_is_followed_beside_the_first(tracker):
    image, truth = two(0)
    tracker.step(image, np.where(truth == 7, 7, 0).astype(np.uint8))
    for step in range(1, 5):
        mask = tracker.step(two(step)[0])
        assert set(np.unique(mask)) == {0, 7}
    image, truth = two(5)
    mask = tracker.step(image, np.where(truth == 254, 254, 0).astype(np.uint8))
    assert tracker.objects == (7, 254)
    assert np.array_equal(mask == 254, truth == 254)
    assert iou(mask, truth, 7) > 0.6
    for step in range(6, 14):
        image, truth = two(step)
        mask = tracker.step(image)
        assert iou(mask, truth, 254) > 0.5, step
        assert iou(mask, truth, 7) > 0.5, step


def test_a_new_object_keeps_its_place_where_nothing_moves(backbone):
    """Frames from before its prompt show it without its label, and must not outvote it."""
    tracker = LabelPropagator(backbone, CONFIG)
    _, truth = two(0)
    for step in range(6):
        image, _ = two(0, seed=step)
        given = np.where(truth == 7, 7, 0).astype(np.uint8) if step == 0 else None
        tracker.step(image, given)
    image, _ = two(0, seed=6)
    tracker.step(image, np.where(truth == 254, 254, 0).astype(np.uint8))
    for step in range(7, 20):
        image, _ = two(0, seed=step)
        mask = tracker.step(image)
        assert iou(mask, truth, 254) > 0.9, step
        assert iou(mask, truth, 7) > 0.9, step


def test_a_new_object_that_was_not_there_before_claims_nothing_else(backbone):
    tracker = LabelPropagator(backbone, CONFIG)
    for step in range(6):
        image, truth = scene((7, 8, 8, 32, 32), seed=step)
        tracker.step(image, truth if step == 0 else None)
    image, truth = scene((7, 8, 8, 32, 32), (254, 32, 48, 56, 80), seed=6)
    tracker.step(image, np.where(truth == 254, 254, 0).astype(np.uint8))
    for step in range(7, 14):
        image, truth = scene((7, 8, 8, 32, 32), (254, 32, 48, 56, 80), seed=step)
        mask = tracker.step(image)
        assert iou(mask, truth, 254) > 0.9, step
        assert iou(mask, truth, 7) > 0.9, step


def test_a_prompt_leaves_other_objects_and_void_to_the_propagation(tracker):
    image, truth = two(0)
    tracker.step(image, truth)
    image, truth = two(1)
    prompt = np.where(truth == 7, 7, 0).astype(np.uint8)
    prompt[40:56] = 255
    mask = tracker.step(image, prompt)
    assert iou(mask, truth, 254) > 0.6
    assert np.array_equal(mask == 7, truth == 7)
    assert 255 not in mask


def test_void_of_the_first_mask_is_no_object(tracker):
    image, truth = two(0)
    prompt = np.where(truth == 254, 255, truth).astype(np.uint8)
    mask = tracker.step(image, prompt)
    assert set(np.unique(mask)) == {0, 7}
    assert set(np.unique(tracker.step(two(1)[0]))) <= {0, 7}


def test_removed_objects_become_background(tracker):
    image, truth = two(0)
    tracker.step(image, truth)
    tracker.step(two(1)[0])
    tracker.remove(7)
    assert tracker.objects == (254,)
    image, truth = two(2)
    mask = tracker.step(image)
    assert set(np.unique(mask)) == {0, 254}
    assert iou(mask, truth, 254) > 0.6
    tracker.remove(254)
    assert not tracker.step(two(3)[0]).any()
    with pytest.raises(InputError, match="not tracked"):
        tracker.remove(7)


def test_an_object_removed_and_given_again_is_followed(backbone):
    tracker = LabelPropagator(backbone, CONFIG)
    _, truth = two(0)
    for step in range(5):
        tracker.step(two(0, seed=step)[0], truth if step == 0 else None)
    tracker.remove(7)
    tracker.step(two(0, seed=5)[0])
    tracker.step(two(0, seed=6)[0], np.where(truth == 7, 7, 0).astype(np.uint8))
    for step in range(7, 14):
        mask = tracker.step(two(0, seed=step)[0])
        assert iou(mask, truth, 7) > 0.9, step
        assert iou(mask, truth, 254) > 0.9, step


def test_an_object_over_the_whole_frame_stays_whole(tracker):
    image, _ = two(0)
    whole = np.full((HEIGHT, WIDTH), 7, np.uint8)
    tracker.step(image, whole)
    for step in range(1, 4):
        assert (tracker.step(two(step)[0]) == 7).all()


def test_reset_forgets_the_video(tracker):
    image, truth = two(0)
    tracker.step(image, truth)
    first = tracker.step(two(1)[0])
    tracker.reset()
    assert tracker.objects == ()
    assert tracker.soft_labels is None
    smaller = image[:56, :80]
    assert not tracker.step(smaller).any()
    tracker.reset()
    tracker.step(image, truth)
    assert np.array_equal(tracker.step(two(1)[0]), first)


def test_frames_of_another_size_are_refused(tracker):
    image, truth = two(0)
    tracker.step(image, truth)
    with pytest.raises(InputError, match=r"frame 1 is 80x56 pixels, the first was 96x64"):
        tracker.step(image[:56, :80])
    assert tracker.step(two(1)[0]).any()


def test_prompts_of_another_size_kind_or_content_are_refused(tracker):
    image, truth = two(0)
    with pytest.raises(InputError, match="the mask has shape"):
        tracker.step(image, truth[:32])
    with pytest.raises(InputError, match="an array of float64"):
        tracker.step(image, truth.astype(np.float64))
    empty = np.zeros_like(truth)
    empty[:4] = 255
    with pytest.raises(InputError, match="no object"):
        tracker.step(image, empty)
    assert np.array_equal(tracker.step(image, truth), truth)


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((64, 96), np.uint8),
        np.zeros((64, 96, 4), np.uint8),
        np.zeros((64, 96, 3), np.float32),
    ],
)
def test_frames_of_another_kind_are_refused(tracker, frame):
    with pytest.raises(InputError, match="RGB uint8"):
        tracker.step(frame, two(0)[1])


def test_a_video_of_frames_smaller_than_a_patch_is_refused(tracker):
    image, truth = two(0)
    with pytest.raises(InputError, match="no patch"):
        tracker.step(image[:4], truth[:4] | 7)


def test_memory_does_not_grow(tracker):
    sizes = []
    image, truth = two(0)
    for step in range(60):
        image, truth = two(step % 10)
        given = truth if step % 7 == 0 else None
        tracker.step(image, given)
        sizes.append(len(tracker.snapshot().frames))
    # two objects: at most two prompted frames each, and the last three
    assert max(sizes) <= 2 * 2 + CONFIG.n_last_frames
    assert len(set(sizes[20::7])) == 1


@pytest.mark.parametrize("n_last", [0, 1])
def test_few_or_no_last_frames(backbone, n_last):
    config = PropagationConfig(short_side=0, n_last_frames=n_last)
    tracker = LabelPropagator(backbone, config)
    image, truth = two(0)
    tracker.step(image, truth)
    for step in range(1, 4):
        image, truth = two(step)
        assert iou(tracker.step(image), truth, 7) > 0.5
    assert len(tracker.snapshot().frames) == 1 + n_last


def test_soft_labels_are_shares_of_a_patch(tracker):
    image, truth = two(0)
    tracker.step(image, truth)
    assert tracker.soft_labels.shape == (3, HEIGHT // PATCH, WIDTH // PATCH)
    tracker.step(two(1)[0])
    labels = tracker.soft_labels
    assert labels.dtype == torch.float32
    assert (labels >= 0).all()
    assert torch.allclose(labels.sum(0), torch.ones(labels.shape[1:]), atol=1e-5)


def test_features_computed_ahead_give_the_same_masks(backbone):
    frames = [two(step)[0] for step in range(4)]
    plain, ahead = LabelPropagator(backbone, CONFIG), LabelPropagator(backbone, CONFIG)
    features = ahead.features(frames)
    assert features[0].shape == (8, 12, 16)
    assert torch.allclose(features[0].norm(dim=-1), torch.ones(8, 12), atol=1e-5)
    for step, (frame, computed) in enumerate(zip(frames, features, strict=True)):
        given = two(0)[1] if step == 0 else None
        first = plain.step(frame, given)
        second = ahead.step(frame, given, features=computed)
        assert np.array_equal(first, second)


def test_an_object_smaller_than_a_patch_is_told_of(tracker):
    image, truth = two(0)
    truth[0, 0] = 3
    with pytest.warns(UserWarning, match=r"objects \[3\] of the mask for step 0"):
        tracker.step(image, truth)
    assert tracker.objects == (3, 7, 254)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mask = tracker.step(two(1)[0])
    assert set(np.unique(mask)) == {0, 7, 254}


@pytest.mark.parametrize(
    "options",
    [
        {"neighborhood_shape": "circle"},
        {"upsampling": "nearest", "stretch_channels": False},
        {"neighborhood_radius": 0},
        {"short_side": 128, "size_multiple": 32},
        {"topk": 200},
    ],
)
def test_other_settings_track_too(backbone, options):
    base = {"short_side": 0, "neighborhood_radius": 4}
    tracker = LabelPropagator(backbone, PropagationConfig(**{**base, **options}))
    image, truth = two(0)
    tracker.step(image, truth)
    for step in range(1, 4):
        image, truth = two(step)
        mask = tracker.step(image)
    assert mask.shape == truth.shape
    assert iou(mask, truth, 7) > 0.4


def with_options(backbone, **options):
    return LabelPropagator(backbone, replace(CONFIG, **options))


def test_a_prompted_frame_may_give_what_its_labels_make_of_it(backbone):
    image, truth = two(0)
    truth[13:15, 60:62] = 3  # smaller than a patch, and beside its middle
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exact = with_options(backbone).step(image, truth)
        coarse = with_options(backbone, prompt_output="labels", stretch_channels=False).step(
            image, truth
        )
    assert np.array_equal(exact, truth)
    assert set(np.unique(coarse)) == {0, 7, 254}
    assert 0 < (coarse != truth).mean() < 0.1


def test_bilinear_prompts_give_patches_at_borders_shares(backbone):
    image, _ = two(0)
    prompt = np.zeros((HEIGHT, WIDTH), np.uint8)
    prompt[:, 44:] = 7  # the border halves a column of patches
    tracker = with_options(backbone, prompt_sampling="bilinear")
    tracker.step(image, prompt)
    columns = tracker.soft_labels[1].mean(0)
    assert columns.tolist() == [0.0] * 5 + [0.5] + [1.0] * 6
    assert torch.allclose(tracker.soft_labels.sum(0), torch.ones(HEIGHT // PATCH, WIDTH // PATCH))


def test_a_bilinear_correction_leaves_void_and_other_objects_to_the_propagation(backbone):
    image, truth = two(0)
    tracker = with_options(backbone, prompt_sampling="bilinear")
    tracker.step(image, truth)
    prompt = np.zeros((HEIGHT, WIDTH), np.uint8)
    prompt[:8, :8] = 7
    prompt[40:] = 255
    tracker.step(image, prompt)
    background, seven, other = tracker.soft_labels
    assert seven[0, 0] == 1
    assert seven[1:5].max() == 0  # object 7 is where the prompt says, nowhere else
    assert background[1:4, 1:4].min() > 0.999
    assert other[5:7, 9:11].min() > 0.9
    assert torch.allclose(tracker.soft_labels.sum(0), torch.ones(HEIGHT // PATCH, WIDTH // PATCH))


class RoundedMaps:
    """A backbone that gives one map whatever the frame, in a precision."""

    def __init__(self, maps, dtype):
        self.maps, self.dtype = maps, dtype

    def preprocess(self, frame, *, rule):
        return torch.zeros(1)

    def __call__(self, images):
        return self.maps.to(self.dtype)


def test_features_of_16_bits_are_normalised_before_they_are_rounded():
    torch.manual_seed(0)
    common = 3 * torch.randn(384, 1, 1)  # features of one video are alike
    maps = (common + torch.randn(1, 384, 12, 16)) * torch.linspace(0.5, 2, 16)

    def cosines(dtype):
        (features,) = unit_features(RoundedMaps(maps, dtype), [None], CONFIG)
        assert features.dtype == dtype
        flat = features.flatten(0, 1).float()
        return flat @ flat.T

    exact = cosines(torch.float32)
    plain = torch.nn.functional.normalize(maps, dim=1)[0].permute(1, 2, 0).flatten(0, 1)
    assert torch.equal(exact, plain @ plain.T)
    assert (cosines(torch.bfloat16) - exact).abs().mean() < 5e-4  # 16e-4 with a norm of 16 bits
