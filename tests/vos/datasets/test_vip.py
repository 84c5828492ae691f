import shutil

import numpy as np
import pytest

from tests.data.point_sets import make_vip, parts_at
from vos.datasets.vip import open_vip
from vos.errors import InputError
from vos.masks.io import write_mask


@pytest.fixture
def root(tmp_path):
    return make_vip(tmp_path / "VIP" / "VIP_Fine", frames=3)


def test_videos_of_the_list_with_their_classes(root):
    dataset = open_vip(root)
    assert [video.name for video in dataset.sequences] == ["videos3", "videos12"]
    video = dataset.sequences[0]
    assert video.frame_names == ("00000", "00001", "00002")
    assert video.prompts == {"00000": (2, 5, 13, 19)}
    np.testing.assert_array_equal(video.read_annotation("00002"), parts_at(2, (320, 240)))
    assert open_vip(root.parent, sequences=("videos12",)).sequences[0].name == "videos12"


def test_all_that_is_missing_is_said_at_once(root):
    shutil.rmtree(root / "Images" / "videos3")
    (root / "Annotations/Category_ids/videos12/00000.png").unlink()
    with pytest.raises(InputError) as error:
        open_vip(root)
    assert "videos3: no images" in str(error.value)
    assert "videos12: its first frame 00000 has no annotation" in str(error.value)
    assert "Download VIP_Fine" in str(error.value)


def test_missing_folders(tmp_path, root):
    shutil.rmtree(root / "lists")
    shutil.rmtree(root / "Annotations")
    with pytest.raises(InputError, match=r"(?s)Category_ids.*val_videos\.txt.*Download"):
        open_vip(root)
    with pytest.raises(InputError, match="no such folder"):
        open_vip(tmp_path / "nowhere")


def test_masks_of_other_classes(root):
    first = root / "Annotations/Category_ids/videos3/00000.png"
    write_mask(first, np.full((240, 320), 41, np.uint8))
    with pytest.raises(InputError, match="holds classes 41; VIP has 0 to 19"):
        open_vip(root)
    write_mask(first, np.zeros((240, 320), np.uint8))
    with pytest.raises(InputError, match="holds no part"):
        open_vip(root)
