"""From labels of patches to a mask, against plain interpolation of whole maps."""

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch._subclasses import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from vos.propagation.pixels.upsampling import (
    guided_channel,
    winning_channel,
    winning_channel_without_waits,
)


def plain(labels, scale, upsampling, stretch):
    """The protocol on whole maps, in float64: upsample, stretch each channel, argmax."""
    corners = {"align_corners": False} if upsampling == "bilinear" else {}
    big = F.interpolate(labels[None].double(), scale_factor=scale, mode=upsampling, **corners)[0]
    if stretch:
        for index in range(len(big)):
            if big[index].max() > 0:
                big[index] -= big[index].min()
                big[index] /= big[index].max()  # a constant channel becomes 0 / 0, and NaN wins
    return big.nan_to_num(nan=torch.inf)


def assert_wins(labels, scale=8, upsampling="bilinear", stretch=True):
    """Check every pixel whose winner is clear beyond float32's rounding."""
    values = plain(labels, scale, upsampling, stretch)
    found = winning_channel(labels, scale, upsampling=upsampling, stretch=stretch)
    assert found.shape == values.shape[1:]
    assert found.dtype == torch.int64
    best = values.max(0).values
    chosen = values.gather(0, found[None])[0]
    same = (chosen == best) | (best - chosen < 1e-5)
    assert same.all()
    if len(values) > 1:
        first, second = values.topk(2, dim=0).values
        clear = first - second > 1e-5
        assert torch.equal(found[clear], values.argmax(0)[clear])
        assert clear.any() or (first == second).all()


def blobs(channels, height, width, seed, share=0.15):
    """Soft objects in boxes of their own, zero outside, on a background that fills the rest."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.zeros(channels, height, width)
    for channel in range(1, channels):
        top, left = (
            int(torch.randint(0, max(1, side - 3), (1,), generator=generator))
            for side in (height, width)
        )
        rows, columns = max(1, int(height * share)), max(1, int(width * share))
        patch = labels[channel, top : top + rows, left : left + columns]
        patch.copy_(torch.rand(patch.shape, generator=generator))
    labels[0] = (1 - labels[1:].sum(0)).clamp(min=0)
    return labels


@pytest.mark.parametrize("upsampling", ["bilinear", "nearest"])
@pytest.mark.parametrize("stretch", [True, False])
@pytest.mark.parametrize(
    "case",
    [(2, 20, 30, 0.3), (9, 30, 20, 0.2), (60, 25, 40, 0.1), (4, 7, 9, 1.0), (3, 1, 12, 0.3)],
)
def test_winner_equals_whole_maps(case, upsampling, stretch):
    channels, height, width, share = case
    for seed in range(3):
        labels = blobs(channels, height, width, seed, share)
        assert_wins(labels, 8, upsampling, stretch)


def test_random_labels_everywhere():
    labels = torch.rand(6, 12, 16, generator=torch.manual_seed(0))
    assert_wins(labels, 16)
    assert_wins(labels, 3, "nearest")


def test_two_hundred_and_fifty_four_objects():
    labels = torch.zeros(255, 16, 16)
    for channel in range(1, 255):
        labels[channel, channel // 16, channel % 16] = 1
    labels[0] = 1 - labels[1:].sum(0)
    found = winning_channel(labels, 4, upsampling="nearest", stretch=True)
    assert found[15 * 4, 14 * 4] == 254
    assert torch.unique(found).numel() == 255


def test_objects_at_the_borders_are_whole():
    labels = torch.zeros(5, 10, 12)
    labels[1, 0, :] = labels[2, -1, :] = labels[3, 2:8, 0] = labels[4, 2:8, -1] = 1
    labels[0] = 1 - labels[1:].sum(0)
    assert_wins(labels)


def test_a_channel_without_labels_never_wins():
    labels = torch.zeros(3, 4, 4)
    labels[0] = 1
    labels[0, 0, 0] = 0.9
    labels[1, 1:3, 1:3] = 0.3
    found = winning_channel(labels, 8, upsampling="bilinear", stretch=True)
    assert 2 not in found


def test_stretching_lifts_a_faint_object():
    labels = torch.zeros(2, 6, 6)
    labels[1, 2:4, 2:4] = 0.2
    labels[0] = 1 - labels[1]
    lifted = winning_channel(labels, 4, upsampling="bilinear", stretch=True)
    assert (lifted[10:14, 10:14] == 1).all()
    assert not winning_channel(labels, 4, upsampling="bilinear", stretch=False).any()


@pytest.mark.parametrize("channel", [0, 1])
def test_a_constant_channel_wins_everywhere(channel):
    labels = torch.rand(3, 5, 6, generator=torch.manual_seed(1)) * 0.5
    labels[channel] = 0.25  # exact through the interpolation
    found = winning_channel(labels, 8, upsampling="bilinear", stretch=True)
    assert (found == channel).all()


def test_the_first_of_equal_channels_wins():
    labels = torch.zeros(3, 4, 4)
    labels[1, 1, 1] = labels[2, 1, 1] = 1
    found = winning_channel(labels, 4, upsampling="nearest", stretch=False)
    assert set(found.unique().tolist()) == {0, 1}


def test_empty_labels_are_background():
    assert not winning_channel(torch.zeros(3, 4, 5), 8, upsampling="bilinear", stretch=True).any()


def test_guided_outlines_follow_the_edges_of_the_picture():
    """A disc whose labels are known at patches alone comes out round where the picture shows it."""
    y, x = np.mgrid[:192, :256]
    disc = (y - 90) ** 2 + (x - 120) ** 2 < 50**2
    noise = np.random.default_rng(0).integers(0, 12, (192, 256, 1))
    image = (np.where(disc[..., None], (200, 60, 40), (60, 120, 160)) + noise).astype(np.uint8)
    share = cv2.resize(disc.astype(np.float32), (16, 12), interpolation=cv2.INTER_AREA)
    labels = torch.from_numpy(np.stack([1 - share, share]))
    guided = guided_channel(labels, 16, image)
    plain = winning_channel(labels, 16, upsampling="bilinear", stretch=False).numpy()
    assert guided.dtype == np.uint8

    def wrong(mask):
        return (mask.astype(bool) != disc).mean()

    assert wrong(guided) < 0.005 < wrong(plain)


def test_guided_channels_keep_their_places():
    """Where the picture shows nothing, the winner is that of the labels; of any frame size."""
    labels = torch.zeros(4, 12, 16)
    labels[0] = 1
    for channel, rows in ((1, slice(0, 4)), (3, slice(8, 12))):
        labels[0, rows, :8] = 0
        labels[channel, rows, :8] = 1
    image = np.full((250, 333, 3), 90, np.uint8)
    winner = guided_channel(labels, 8, image)
    assert winner.shape == (250, 333)
    assert set(np.unique(winner)) == {0, 1, 3}
    assert (winner[10:60, 10:120] == 1).all()
    assert (winner[190:240, 10:120] == 3).all()
    assert (winner[110:140] == 0).all()
    assert (winner[:, 220:] == 0).all()


@pytest.mark.parametrize("upsampling", ["bilinear", "nearest"])
@pytest.mark.parametrize("stretch", [True, False])
@pytest.mark.parametrize("together", [1 << 26, 1])
def test_a_gpu_chooses_the_channels_that_a_cpu_chooses(upsampling, stretch, together, monkeypatch):
    monkeypatch.setattr("vos.propagation.pixels.upsampling._VALUES_AT_ONCE", together)
    labels = blobs(5, 30, 52, seed=3)
    labels[2] = 0  # an object that is gone
    labels[4] = labels[3]  # the first of equal ones
    for maps in (labels, torch.ones(3, 6, 7), torch.zeros(2, 4, 5), labels[:1]):
        settings = {"upsampling": upsampling, "stretch": stretch}
        expected = winning_channel(maps, 8, **settings)
        assert torch.equal(winning_channel_without_waits(maps, 8, **settings), expected)


class Operations(TorchDispatchMode):
    """Counts what PyTorch is asked to do."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func.namespace == "aten"
        return func(*args, **(kwargs or {}))


def test_the_host_waits_for_no_mask_of_a_gpu():
    """A fake tensor has no values: whatever asks for one raises an error."""
    with FakeTensorMode(), Operations() as operations:
        labels = torch.empty(4, 60, 107, device="cuda")
        winner = winning_channel(labels, 8, upsampling="bilinear", stretch=True)
    assert winner.device.type == "cuda" and winner.shape == (480, 856)
    assert operations.count < 30  # channel by channel: 116, and 8 waits
