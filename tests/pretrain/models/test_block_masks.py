"""Block masks: shares, blocks, one generator an image."""

import numpy as np
import pytest
import torch

from pretrain.config.pretrain_config import PretrainConfig
from pretrain.models.block_masks import block_mask, step_masks

CONFIG = PretrainConfig(ibot_weight=1.0)  # 14 x 14 patches


@pytest.mark.parametrize("ratio", [0.1, 0.3, 0.5])
def test_a_mask_has_at_most_its_share_and_mostly_nearly_so(ratio):
    random = np.random.default_rng(0)
    shares = [block_mask(14, ratio, random).mean() for _ in range(200)]
    assert max(shares) <= ratio
    assert np.mean(shares) > 0.8 * ratio


def test_masks_come_in_blocks():
    random = np.random.default_rng(0)
    alone = []
    for _ in range(100):
        mask = np.pad(block_mask(14, 0.4, random), 1)
        beside = mask[:-2, 1:-1] | mask[2:, 1:-1] | mask[1:-1, :-2] | mask[1:-1, 2:]
        inner = mask[1:-1, 1:-1]
        alone.append((inner & ~beside).sum() / inner.sum())
    assert np.mean(alone) < 0.05  # of patches drawn one by one 13 % would be


def test_half_of_the_crops_are_masked_by_shares_of_the_range():
    masks = step_masks(CONFIG, 3, 0, 400, 2)
    assert masks.shape == (2, 400, 14, 14) and masks.dtype == torch.bool
    shares = masks.float().mean(dim=(2, 3)).flatten()
    some = shares[shares > 0]
    assert 0.45 < len(some) / len(shares) < 0.55
    assert some.max() <= 0.5 and some.max() > 0.4 and 0.2 < some.mean() < 0.32


def test_masks_belong_to_images_whatever_process_has_them():
    whole = step_masks(CONFIG, 3, 0, 6, 2)
    halves = [step_masks(CONFIG, 3, first, 3, 2) for first in (0, 3)]
    assert torch.equal(whole, torch.cat(halves, dim=1))
    assert torch.equal(whole, step_masks(CONFIG, 3, 0, 6, 2))
    assert not torch.equal(whole, step_masks(CONFIG, 4, 0, 6, 2))


def test_a_grid_of_one_patch_is_left_alone():
    assert not block_mask(1, 0.5, np.random.default_rng(0)).any()
