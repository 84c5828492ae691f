"""The regression in closed form, against sums and solves written out by hand."""

import numpy as np
import pytest
import torch

from vos.propagation.target_model import (
    FrameSums,
    Reliability,
    TargetModel,
    frame_sums,
    leave_one_out,
    patch_weights,
    solve_ridge,
)


def frame(seed, patches=40, width=6, channels=3):
    """Features of unit length that say something about soft labels that sum to 1."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.softmax(4 * torch.randn(patches, channels, generator=generator), dim=1)
    mixing = torch.randn(channels, width, generator=torch.Generator().manual_seed(99))
    features = labels @ mixing + 0.4 * torch.randn(patches, width, generator=generator)
    return torch.nn.functional.normalize(features, dim=1), labels


def by_hand(frames, counts, ridge):
    """Minimise the weighted squared error plus the penalty, in float64, row by row."""
    rows, targets, weights = [], [], []
    for (features, labels), count in zip(frames, counts, strict=True):
        x, y = features.double().numpy(), labels.double().numpy()
        mass = y.sum(0)
        raw = np.array([sum(share / mass[c] for c, share in enumerate(row)) for row in y])
        weights.append(count * raw / raw.sum())
        rows.append(np.hstack([x, np.ones((len(x), 1))]))
        targets.append(y)
    x, y, w = np.vstack(rows), np.vstack(targets), np.concatenate(weights)
    width = x.shape[1]
    penalty = np.sqrt(ridge) * np.eye(width)[:-1]  # the constant is free
    stacked = np.vstack([np.sqrt(w)[:, None] * x, penalty])
    wanted = np.vstack([np.sqrt(w)[:, None] * y, np.zeros((width - 1, y.shape[1]))])
    return np.linalg.lstsq(stacked, wanted, rcond=None)[0]


def reliability(ridge, channels=3):
    return Reliability(ridge, 0.01, 1.0, torch.zeros(channels))


def test_channels_count_the_same_however_few_patches_they_have():
    labels = torch.zeros(10, 3)
    labels[:7, 0] = 1
    labels[7:9, 1] = 1
    labels[9, 2] = 1
    weights = patch_weights(labels)
    assert weights.sum() == pytest.approx(1)
    for c in range(3):
        assert weights[labels[:, c] == 1].sum() == pytest.approx(1 / 3)


def test_absent_channels_and_patches_without_labels_weigh_nothing():
    labels = torch.zeros(6, 3)
    labels[:3, 0] = 1
    labels[3:5, 1] = 1
    weights = patch_weights(labels)
    assert weights[5] == 0
    assert weights.sum() == pytest.approx(1)


@pytest.mark.parametrize("ridge", [1e-4, 1e-2, 1.0])
def test_one_frame_is_the_ridge_regression(ridge):
    features, labels = frame(0)
    ours = solve_ridge(frame_sums(features, labels), ridge).double().numpy()
    assert np.allclose(ours, by_hand([(features, labels)], [1], ridge), atol=1e-4)


def test_frames_are_weighed_and_the_older_fade():
    model = TargetModel(recent=2, keep_every=3, keep_most=2, prompt_weight=3.0)
    frames = [frame(i) for i in range(10)]
    model.rebuild([frames[0]], [])
    model.rely(reliability(0.01), 2.0)
    for number in range(1, 10):
        model.remember(number, *frames[number])
    # Frames 3 and 6 filled the two places; with frame 9 they share one of them.
    kept = {3: 0.5, 6: 0.5, 9: 1.0}
    used = [0, 8, 9, 3, 6, 9]
    counts = [3.0, 1, 1, kept[3], kept[6], kept[9]]
    want = by_hand([frames[i] for i in used], counts, 0.01 * 7)
    features = frames[4][0]
    linear = np.hstack([features.double().numpy(), np.ones((len(features), 1))]) @ want
    assert np.allclose(model.scores(features).numpy(), linear.clip(0, 1), atol=1e-3)


def test_leaving_a_patch_out_equals_fitting_without_it():
    features, labels = frame(3, patches=25)
    ridge = 0.02
    result = leave_one_out(features, labels, [ridge])
    x = np.hstack([features.double().numpy(), np.ones((25, 1))])
    y, w = labels.double().numpy(), patch_weights(labels).double().numpy()
    mean = w @ x[:, :-1]
    variance = float((w[:, None] * (x[:, :-1] - mean) ** 2).sum())
    penalty = ridge * variance * np.diag([1.0] * (x.shape[1] - 1) + [0.0])
    error = 0.0
    for i in range(25):
        others = w.copy()
        others[i] = 0
        solved = np.linalg.solve((x * others[:, None]).T @ x + penalty, (x * others[:, None]).T @ y)
        error += w[i] * float(((y[i] - x[i] @ solved) ** 2).sum())
    assert result.variance == pytest.approx(variance, rel=1e-4)
    assert result.error == pytest.approx(error, rel=1e-3)


def test_the_penalty_with_the_least_error_is_taken():
    features, labels = frame(4)
    ridges = [1e-6, 1e-2, 10.0]
    errors = {r: leave_one_out(features, labels, [r]).error for r in ridges}
    best = leave_one_out(features, labels, ridges)
    assert best.ridge == min(errors, key=errors.__getitem__)
    assert best.error == pytest.approx(min(errors.values()))


def test_labels_that_do_not_follow_from_the_features_have_a_large_error():
    features, labels = frame(5, patches=400)
    shuffled = labels[torch.randperm(400, generator=torch.Generator().manual_seed(0))]
    ridges = [1e-4, 1e-2]
    assert leave_one_out(features, labels, ridges).error < 0.15
    assert leave_one_out(features, shuffled, ridges).error > 0.3


def test_a_small_object_needs_a_lead():
    """Channels count the same in the fit, so what is like a small object scores too high."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.zeros(2000, 2)
    labels[:, 0] = 1
    labels[:60] = torch.tensor([0.0, 1.0])
    axis = 1.2 * labels[:, 1:] + torch.randn(2000, 1, generator=generator)
    features = torch.cat([axis, torch.randn(2000, 3, generator=generator)], dim=1)
    thresholds = leave_one_out(features, labels, [1e-3]).thresholds
    assert thresholds[0] == 0
    assert thresholds[1] > 0.1


def test_a_removed_channel_is_background_in_the_frames_kept():
    frames = [frame(i) for i in range(4)]
    merged = [(f, torch.stack([y[:, 0] + y[:, 1], y[:, 2]], dim=1)) for f, y in frames]
    model = TargetModel(recent=1, keep_every=1, keep_most=10, prompt_weight=1.0)
    model.rebuild([frames[0]], [])
    model.rely(reliability(0.01), 2.0)
    for number in (1, 2, 3):
        model.remember(number, *frames[number])
    model.remove_channel(1)
    model.rebuild([merged[0]], [merged[3]])
    scores = model.scores(frames[0][0])
    assert scores.shape == (40, 2)
    assert torch.allclose(scores.sum(1), torch.ones(40), atol=0.2)


def test_a_restored_model_scores_the_same():
    frames = [frame(i) for i in range(8)]
    model = TargetModel(recent=2, keep_every=2, keep_most=3, prompt_weight=2.0)
    model.rebuild([frames[0]], [])
    model.rely(reliability(0.01), 2.0)
    for number in range(1, 8):
        model.remember(number, *frames[number])
    again = TargetModel(recent=2, keep_every=2, keep_most=3, prompt_weight=2.0)
    again.rebuild([frames[0]], frames[1:])
    again.restore(model.state(), torch.device("cpu"))
    assert torch.equal(again.scores(frames[3][0]), model.scores(frames[3][0]))
    assert again.strength == 2.0


def test_sums_add_up():
    one, two = frame_sums(*frame(0)), frame_sums(*frame(1))
    total = one * 2 + two
    assert isinstance(total, FrameSums)
    assert torch.allclose(total.gram, 2 * one.gram + two.gram)
    assert torch.allclose(total.cross, 2 * one.cross + two.cross)
