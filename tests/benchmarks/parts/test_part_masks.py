import numpy as np
import pytest

from benchmarks.parts.part_masks import part_masks
from tests.data.point_sets import make_vip
from vos.backbones.loading import load_backbone
from vos.datasets.sequence import VideoSequence
from vos.datasets.vip import open_vip
from vos.errors import InputError
from vos.propagation.presets import PRESETS

CONFIG = PRESETS["siammae-vip"].propagation


@pytest.fixture(scope="module")
def backbone():
    return load_backbone("efficientnet_lite0", device="cpu", precision="fp32")


def test_a_mask_of_known_classes_for_every_frame(backbone, tmp_path):
    video = open_vip(make_vip(tmp_path / "VIP_Fine", frames=2)).sequences[0]
    calls = []
    masks = dict(part_masks(video, backbone, CONFIG, lambda: calls.append(1)))
    assert list(masks) == ["00000", "00001"] and len(calls) == 2
    for mask in masks.values():
        assert mask.shape == (240, 320) and mask.dtype == np.uint8
        assert set(np.unique(mask)) == {0, 2, 5, 13, 19}


def test_a_video_without_parts(backbone, tmp_path):
    video = open_vip(make_vip(tmp_path / "VIP_Fine", frames=2)).sequences[0]
    without = VideoSequence("none", {}, video.frames)
    with pytest.raises(InputError, match="none: its first frame has no part"):
        next(part_masks(without, backbone, CONFIG))
