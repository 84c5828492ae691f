"""Tracking frame by frame: prompts, ids, corrections, removal, bounded memory, snapshots."""

import json
import warnings

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from vos.backbones.backbone import Backbone
from vos.backbones.weights_record import WeightsRecord
from vos.errors import InputError
from vos.propagation.config import PropagationConfig
from vos.propagation.propagator import LabelPropagator
from vos.propagation.snapshot import load_snapshot, save_snapshot

HEIGHT, WIDTH, PATCH = 64, 96, 8
CONFIG = PropagationConfig(short_side=0, neighborhood_radius=3, n_last_frames=3)


class Colours(Backbone):
    """Features that a test can foresee: a patch's mean colour, spread over 16 channels."""

    def __init__(self):
        torch.manual_seed(0)
        record = WeightsRecord("colours", "test", None, "none")
        network = nn.Conv2d(3, 16, PATCH, PATCH, bias=False)
        mix = torch.randn(16, 3, 1, 1) / PATCH**2
        network.weight.data = mix.expand(16, 3, PATCH, PATCH).clone()
        super().__init__(
            network, stride=PATCH, dim=16, mean=(0.5,) * 3, std=(0.2,) * 3, record=record
        )

    def block_features(self, images, numbers):
        return [(self.network(images), None)]


PALETTE = {0: (40, 90, 60), 7: (220, 30, 40), 254: (30, 60, 230), 3: (240, 230, 20)}


def scene(*boxes, seed=0, size=(HEIGHT, WIDTH)):
    """A picture with coloured boxes (id, top, left, bottom, right), and its true mask."""
    ids = np.zeros(size, np.uint8)
    for object_id, top, left, bottom, right in boxes:
        ids[top:bottom, left:right] = object_id
    image = np.zeros((*size, 3), np.float32)
    for object_id, colour in PALETTE.items():
        image[ids == object_id] = colour
    noise = np.random.default_rng(seed).normal(0, 3, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8), ids


def two(step, seed=None):
    """Object 7 drifting right, object 254 drifting left."""
    left, right = 8 + 2 * step, 72 - 2 * step
    return scene(
        (7, 8, left, 32, left + 24),
        (254, 40, right, 56, right + 16),
        seed=step if seed is None else seed,
    )


def iou(mask, truth, object_id):
    ours, theirs = mask == object_id, truth == object_id
    return (ours & theirs).sum() / max(1, (ours | theirs).sum())


@pytest.fixture(scope="module")
def backbone():
    return Colours()


@pytest.fixture
def tracker(backbone):
    return LabelPropagator(backbone, CONFIG)


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
    with pytest.raises(InputError, match="uint8"):
        tracker.step(image, truth.astype(np.int64))
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


def history(tracker, steps, snapshot_at=None):
    """Masks of a run with an added object and a correction; optionally a snapshot on the way."""
    masks, taken = [], None
    for step in steps:
        image, truth = two(step)
        prompt = None
        if step == 1:
            prompt = np.where(truth == 7, 7, 0).astype(np.uint8)
        elif step == 4:
            prompt = truth
        elif step == 6:
            prompt = np.where(truth == 7, 7, 0).astype(np.uint8)
        masks.append(tracker.step(image, prompt))
        if step == snapshot_at:
            taken = tracker.snapshot()
    return masks, taken


@pytest.mark.parametrize("at", range(9))
def test_a_snapshot_goes_on_to_the_same_masks(backbone, tmp_path, at):
    whole, snapshot = history(LabelPropagator(backbone, CONFIG), range(12), at)
    save_snapshot(tmp_path / "state.safetensors", snapshot)
    loaded = load_snapshot(tmp_path / "state.safetensors")
    assert loaded.number == at
    assert loaded.frames == snapshot.frames
    again = LabelPropagator(backbone, CONFIG)
    again.restore(loaded, {n: two(n)[0] for n in loaded.frames})
    rest, _ = history(again, range(at + 1, 12))
    for ours, want in zip(rest, whole[at + 1 :], strict=True):
        assert np.array_equal(ours, want)


def test_restoring_needs_the_frames(backbone):
    _, snapshot = history(LabelPropagator(backbone, CONFIG), range(5), 4)
    with pytest.raises(InputError, match="the snapshot needs frames"):
        LabelPropagator(backbone, CONFIG).restore(snapshot, {})


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_a_damaged_state_is_refused(tmp_path, content):
    path = tmp_path / "state.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match="--overwrite"):
        load_snapshot(path)


def rewritten(path, change):
    """Write a state file again with another header."""
    with safe_open(path, framework="pt") as handle:
        about = json.loads(handle.metadata()["snapshot"])
        tensors = load_file(path)
    change(about)
    save_file(tensors, path, metadata={"snapshot": json.dumps(about)})
    return about


def test_the_form_of_a_state_has_a_number(backbone, tmp_path):
    path = tmp_path / "state.safetensors"
    _, snapshot = history(LabelPropagator(backbone, CONFIG), range(5), 4)
    save_snapshot(path, snapshot)
    about = rewritten(path, lambda about: about.pop("format", None))
    assert "format" not in about
    assert load_snapshot(path).number == 4  # as version 0.1 wrote it
    save_snapshot(path, snapshot)
    assert rewritten(path, lambda about: None)["format"] == 1
    rewritten(path, lambda about: about.update(format=2, objects="another form"))
    with pytest.raises(InputError, match="written by a newer version") as raised:
        load_snapshot(path)
    assert "--overwrite" in str(raised.value)
    rewritten(path, lambda about: about.update(format="new"))
    with pytest.raises(InputError, match="cannot be read as the state"):
        load_snapshot(path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"topk": 0},
        {"temperature": 0},
        {"temperature": float("nan")},
        {"temperature": float("inf")},
        {"n_last_frames": -1},
        {"neighborhood_radius": -1},
        {"short_side": -480},
        {"size_multiple": 0},
    ],
)
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(InputError, match=f"{next(iter(wrong))} is "):
        PropagationConfig(**wrong)


def test_the_defaults_are_the_published_protocol():
    config = PropagationConfig()
    assert (config.n_last_frames, config.neighborhood_radius, config.topk) == (7, 12, 5)
    assert (config.temperature, config.short_side, config.size_multiple) == (0.1, 480, 64)
    assert (config.neighborhood_shape, config.upsampling) == ("square", "bilinear")


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
