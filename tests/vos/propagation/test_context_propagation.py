"""The engine of label propagation: channels and features alone, without objects or pixels."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from vos.errors import InputError
from vos.propagation.config import PropagationConfig
from vos.propagation.context_propagation import ContextPropagation

H, W, D = 6, 9, 16
CONFIG = PropagationConfig(n_last_frames=2, neighborhood_radius=2, topk=1, temperature=0.05)


def features(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(H, W, D, generator=generator), dim=-1)


def one_hot(*channels_of_patches, channels):
    """Labels (P, C): background, but for runs (channel, first patch, end)."""
    index = torch.zeros(H * W, dtype=torch.int64)
    for channel, first, end in channels_of_patches:
        index[first:end] = channel
    return F.one_hot(index, channels).float()


@pytest.fixture
def engine():
    return ContextPropagation(CONFIG)


def test_without_channels_there_is_nothing_to_predict(engine):
    assert engine.channels == 1
    assert engine.propagate(features()) is None


def test_labels_follow_the_features(engine):
    labels = one_hot((1, 0, 9), (2, 20, 30), channels=3)
    engine.remember_prompt(4, features(), labels, [1, 2])
    assert engine.channels == 3
    predicted = engine.propagate(features())
    assert predicted.shape == (H * W, 3)
    assert predicted.dtype == torch.float32
    assert torch.equal(predicted, labels)
    shifted = engine.propagate(features().roll(1, 0))  # a row down; the first has no source
    assert torch.equal(shifted.view(H, W, 3)[1:], labels.view(H, W, 3)[:-1])


def test_predicting_remembers_nothing(engine):
    engine.remember_prompt(0, features(), one_hot((1, 0, 9), channels=2), [1])
    engine.propagate(features(1))
    assert engine.state().frames == (0,)


def test_point_channels_are_labels_like_others(engine):
    """Soft labels of points: each channel's peak follows the patch that it was given on."""
    points = torch.tensor([[1, 2], [4, 6], [3, 3]])
    y, x = torch.meshgrid(torch.arange(H), torch.arange(W), indexing="ij")
    squares = [(y - row) ** 2 + (x - column) ** 2 for row, column in points.tolist()]
    maps = torch.stack(squares, -1).neg().div(0.5).exp() / len(points)
    shares = torch.cat([1 - maps.sum(-1, keepdim=True), maps], -1).view(H * W, -1)
    engine.remember_prompt(0, features(), shares, range(1, 4))
    predicted = engine.propagate(features().roll((1, 2), (0, 1)))
    peaks = predicted[:, 1:].argmax(0)
    assert torch.equal(torch.stack([peaks // W, peaks % W], 1), points + torch.tensor([1, 2]))


def test_new_channels_are_looked_for_in_the_frames_before(engine):
    still = features()
    engine.remember_prompt(0, still, one_hot((1, 0, 9), channels=2), [1])
    engine.remember(1, still, one_hot((1, 0, 9), channels=2))
    both = one_hot((1, 0, 9), (2, 20, 30), channels=3)
    engine.remember_prompt(2, still, both, [2])
    state = engine.state()
    assert state.frames == (0, 1, 2)
    for labels in (state.prompted | state.last).values():
        assert torch.equal(labels, both)
    assert (state.first_prompt, state.latest_prompt) == ((0, 2), (0, 2))


def test_a_new_channel_takes_its_share_from_the_others(engine):
    """A patch that gave 1/4 to channel 1 gives a fourth of what the new channel leaves."""
    engine.remember_prompt(0, features(), torch.tensor([[0.75, 0.25]]).expand(H * W, 2), [1])
    half = torch.tensor([[0.25, 0.25, 0.5]]).expand(H * W, 3)
    engine.remember_prompt(1, features(), half, [2])
    want = torch.tensor([[0.375, 0.125, 0.5]]).expand(H * W, 3)
    assert torch.equal(engine.state().prompted[0], want)


def test_new_channels_count_as_given(engine):
    engine.remember_prompt(3, features(), one_hot((1, 0, 9), channels=3), [])
    assert engine.state().first_prompt == (3, 3)


def test_a_removed_channel_is_background(engine):
    engine.remember_prompt(0, features(), one_hot((1, 0, 9), (2, 20, 30), channels=3), [1, 2])
    engine.remove_channel(1)
    assert engine.channels == 2
    assert torch.equal(engine.propagate(features()), one_hot((1, 20, 30), channels=2))
    engine.remove_channel(1)
    assert engine.propagate(features()) is None


def test_a_restored_engine_goes_on_to_the_same_labels(engine):
    engine.remember_prompt(0, features(0), one_hot((1, 0, 9), channels=2), [1])
    for number in (1, 2, 3):
        engine.remember(number, features(number), engine.propagate(features(number)))
    asked = []

    def features_of(number):
        asked.append(number)
        return features(number)

    again = ContextPropagation(CONFIG)
    again.remember_prompt(0, features()[:3], one_hot(channels=2)[: 3 * W], [1])  # forgotten
    again.restore(engine.state(), features_of)
    assert asked == [0, 2, 3]
    assert torch.equal(again.propagate(features(4)), engine.propagate(features(4)))


@pytest.mark.parametrize("channel", [-1, 0, 2])
def test_a_channel_that_is_not_there_cannot_be_removed(engine, channel):
    engine.remember_prompt(0, features(), one_hot((1, 0, 9), channels=2), [1])
    with pytest.raises(InputError, match=f"no channel {channel}; expected 1 to 1"):
        engine.remove_channel(channel)


def test_features_of_another_size_are_refused(engine):
    """Tiles would cut them to the size of those before, in silence."""
    labels = one_hot((1, 0, 9), channels=2)
    engine.remember_prompt(0, features(), labels, [1])
    larger = torch.cat([features(), features()])
    with pytest.raises(InputError, match="features of 12 x 9 patches; those before had 6 x 9"):
        engine.propagate(larger)
    with pytest.raises(InputError, match="12 x 9"):
        engine.remember(1, larger, labels)
    assert engine.state().frames == (0,)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (one_hot(channels=2)[1:], r"labels have shape \(53, 2\); expected one row for each of"),
        (one_hot(channels=2).view(H, W, 2), r"labels have shape \(6, 9, 2\)"),
        (one_hot(channels=3), "labels have 3 channels; expected 2"),
        (one_hot(channels=1), "labels have 1 channels; expected 2"),
    ],
)
def test_labels_of_another_shape_are_refused(engine, labels, message):
    engine.remember_prompt(0, features(), one_hot((1, 0, 9), channels=2), [1])
    with pytest.raises(InputError, match=message):
        engine.remember(1, features(), labels)
    assert engine.state().frames == (0,)


@pytest.mark.parametrize(
    ("channels", "given", "message"),
    [
        (2, [2], "labels have 2 channels; expected at least 3"),
        (3, [0, 1], r"channels given are \[0, 1\]; expected some from 1 to 2"),
        (3, [3], r"channels given are \[3\]; expected some from 1 to 2"),
        (3, [], r"channels given are \[\]"),
    ],
)
def test_prompts_for_channels_that_are_not_there_are_refused(engine, channels, given, message):
    engine.remember_prompt(0, features(), one_hot((1, 0, 9), channels=3), [1, 2])
    with pytest.raises(InputError, match=message):
        engine.remember_prompt(1, features(), one_hot(channels=channels), given)
    assert (engine.state().frames, engine.channels) == ((0,), 3)


VIDEOWALK = replace(
    CONFIG, first_frame_unlimited=True, fill_context=True, keep_ties=False, n_last_frames=3
)


def test_the_first_frame_is_seen_wherever_a_patch_is():
    labels = one_hot((1, 0, 1), channels=2)  # the patch in the first corner
    moved = features().roll((H - 1, W - 1), (0, 1))  # beyond the radius, in the other corner
    for config, want in ((CONFIG, 0), (VIDEOWALK, 1)):
        engine = ContextPropagation(config)
        engine.remember_prompt(0, features(), labels, [1])
        assert engine.propagate(moved).view(H, W, 2)[-1, -1, 1] == want


def test_copies_of_the_first_frame_outvote_a_single_one():
    """At k = 2 the best match, frame 1, stands beside a copy of it, or beside another patch."""
    config = replace(VIDEOWALK, topk=4, temperature=1e6, first_frame_unlimited=False)
    shares = []
    for filled in (False, True):
        engine = ContextPropagation(replace(config, fill_context=filled))
        engine.remember_prompt(0, features(), one_hot((1, 20, 21), channels=2), [1])
        shares.append(engine.propagate(features())[20, 1].item())
    assert shares == pytest.approx([0.25, 1.0])


def test_a_run_with_the_options_is_restored_to_the_same_labels():
    engine = ContextPropagation(VIDEOWALK)
    engine.remember_prompt(0, features(), one_hot((1, 0, 9), channels=2), [1])
    for number in (1, 2):
        engine.remember(number, features(number), engine.propagate(features(number)))
    again = ContextPropagation(VIDEOWALK)
    again.restore(engine.state(), features)
    assert torch.equal(engine.propagate(features(3)), again.propagate(features(3)))


def test_engines_of_one_video_share_what_they_keep_of_a_frame():
    one = ContextPropagation(CONFIG)
    other = ContextPropagation(CONFIG, shared_with=one)
    alone = ContextPropagation(CONFIG)
    frames = [features(number) for number in range(3)]
    for engine in (one, other, alone):
        engine.remember_prompt(0, frames[0], one_hot((1, 0, 9), channels=2), [1])
    for number in (1, 2):
        for engine in (one, other, alone):
            engine.remember(number, frames[number], engine.propagate(frames[number]))
    kept = [[frame.features for frame in engine._memory] for engine in (one, other, alone)]
    assert all(a is b for a, b in zip(kept[0][1:], kept[1][1:], strict=True))
    assert not any(a is b for a, b in zip(kept[0], kept[2], strict=True))
    last = features(3)
    assert torch.equal(one.propagate(last), alone.propagate(last))
    assert torch.equal(other.propagate(last), alone.propagate(last))
