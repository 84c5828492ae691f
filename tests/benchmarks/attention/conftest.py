import pytest

from tests.data.images import picture, save_weights, write_picture
from tests.data.masks import square
from vos.masks.io import write_mask


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return save_weights(tmp_path_factory.mktemp("weights") / "vit.pth")


@pytest.fixture
def voc(tmp_path):
    root = tmp_path / "VOC2012"
    masks = {"a": square(1), "b": square(15, void=True), "c": square(0), "d": square(1)}
    masks["d"][50:60, 50:60] = 15
    for number, (name, ids) in enumerate(masks.items()):
        write_picture(root / "JPEGImages" / f"{name}.jpg", picture((90, 90, 90), number, 64, 80))
        write_mask(root / "SegmentationClass" / f"{name}.png", ids)
    (root / "ImageSets/Segmentation").mkdir(parents=True)
    (root / "ImageSets/Segmentation/val.txt").write_text("a\nb\nc\nd\n")
    return root
