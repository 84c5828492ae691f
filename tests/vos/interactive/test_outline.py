import numpy as np
import pytest

from vos.interactive.outline import GuidedUpsampling, asked_parts, cut_band


@pytest.fixture
def disc():
    """A frame with a bright disc, and the disc's pixels."""
    rows, columns = np.mgrid[:120, :160]
    truth = (rows - 60) ** 2 + (columns - 80) ** 2 < 35**2
    random = np.random.default_rng(1)
    image = np.where(truth[..., None], (200, 150, 60), (40, 60, 90))
    return (image + random.integers(-8, 9, image.shape)).astype(np.uint8), truth


def overlap(a, b):
    return (a & b).sum() / (a | b).sum()


def test_upsampling_follows_the_edges_of_the_picture(disc):
    image, truth = disc
    coarse = truth[4::8, 4::8].astype(np.float32)
    mask = GuidedUpsampling(image, coarse.shape)(coarse) > 0.5
    blocks = np.kron(coarse, np.ones((8, 8))) > 0.5
    assert mask.shape == truth.shape
    assert overlap(mask, truth) > 0.95 > overlap(blocks, truth)


def test_parts_with_a_positive_pixel_stay():
    mask = np.zeros((20, 30), bool)
    mask[2:6, 2:6] = mask[2:12, 12:20] = mask[15:18, 3:6] = True
    drawn = np.zeros(mask.shape, np.int8)
    drawn[3, 3], drawn[16, 4], drawn[5, 14] = 1, 1, -1
    kept = asked_parts(mask, drawn)
    assert kept[2:6, 2:6].all() and kept[15:18, 3:6].all() and kept.sum() == 16 + 9
    assert asked_parts(mask, np.minimum(drawn, 0)).sum() == 80
    assert not asked_parts(np.zeros_like(mask), drawn).any()


def test_the_cut_moves_an_outline_to_the_edge_but_no_fixed_pixel(disc):
    image, truth = disc
    shifted = np.roll(truth, 4, axis=1)
    fixed = np.zeros(truth.shape, np.int8)
    cut = cut_band(image, shifted, fixed, 24)
    assert overlap(cut, truth) > 0.99
    assert overlap(shifted, truth) < 0.9
    fixed[60, 116:119], fixed[60, 48] = 1, -1
    held = cut_band(image, shifted, fixed, 24)
    assert held[60, 116:119].all() and not held[60, 48]


def test_a_cut_of_a_large_frame_is_made_on_a_smaller_one(disc):
    image, truth = (np.kron(a, np.ones((5, 5, 1), a.dtype)) for a in (disc[0], disc[1][..., None]))
    truth = truth[..., 0]
    fixed = np.zeros(truth.shape, np.int8)
    cut = cut_band(image, np.roll(truth, 20, axis=1), fixed, 24)
    assert cut.shape == truth.shape and overlap(cut, truth) > 0.98


def test_without_a_sure_part_nothing_is_cut(disc):
    image, _ = disc
    small = np.zeros(image.shape[:2], bool)
    assert not cut_band(image, small, np.zeros(small.shape, np.int8), 6).any()
    small[5, 5] = True
    np.testing.assert_array_equal(cut_band(image, small, small * np.int8(0), 6), small)
