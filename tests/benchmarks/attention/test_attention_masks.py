import numpy as np
import pytest
import torch

from benchmarks.attention.attention_masks import attention_jaccards, head_jaccards, masks_at_size
from tests.data.images import picture
from tests.data.masks import square
from vos.backbones.loading import load_backbone
from vos.errors import InputError
from vos.features.attention import top_mass


def test_mass_by_hand():
    attention = torch.tensor([[0.1, 0.2, 0.3, 0.4], [2.0, 1.0, 1.0, 6.0]])
    # 60 %: the sums in rising order are .1 .3 .6 1 and .1 .2 .4 1; above .4 are the last ones.
    kept = top_mass(attention, 0.6)
    assert kept.tolist() == [[False, False, True, True], [False, False, False, True]]
    assert top_mass(attention, 1).all()
    with pytest.raises(InputError, match="mass is 0"):
        top_mass(attention, 0)


def test_jaccard_by_hand():
    truth = torch.tensor([[True, True, False, False]])
    masks = torch.tensor([[[True, False, True, False]], [[True, True, False, False]]])
    masks = torch.cat([masks, torch.zeros(1, 1, 4, dtype=torch.bool)])
    assert head_jaccards(masks, truth).tolist() == pytest.approx([1 / 3, 1, 0])
    nothing = torch.zeros_like(truth)
    assert head_jaccards(masks, nothing).tolist() == [0, 0, 1]


def test_masks_grow_to_pixels():
    grown = masks_at_size(torch.tensor([[[True, False]]]), (2, 4))
    assert grown.tolist() == [[[True, True, False, False]] * 2]


def test_mask_of_all_attention_covers_everything(weights):
    backbone = load_backbone(weights=weights, precision="fp32", device="cpu")
    ids = square(void=True)
    ids[60:] = 7
    first, second = attention_jaccards(backbone, picture((90, 90, 90), 0, 64, 80), ids, 1.0, 0)
    assert first == pytest.approx([(32 * 32) / (64 * 80)])  # void is outside of every object
    assert second == pytest.approx([(4 * 80) / (64 * 80)])
    assert (
        attention_jaccards(backbone, picture((9, 9, 9), 0), np.zeros((64, 64), np.uint8), 1) == []
    )
