import pytest

from tests.data.images import bench, said
from tests.data.masks import square
from vos.masks.io import write_mask


def options(weights):
    return ["--weights", weights, "--precision", "fp32", "--short-side", 0]


@pytest.mark.parametrize(
    "case",
    [
        (lambda root: (root / "SegmentationClass/b.png").unlink(), "b.png is missing"),
        (lambda root: (root / "ImageSets/Segmentation/val.txt").unlink(), "cannot be read"),
        (lambda root: (root / "ImageSets/Segmentation/val.txt").write_text(""), "lists no"),
        (
            lambda root: write_mask(root / "SegmentationClass/a.png", square()[:32]),
            "its mask 80x32",
        ),
    ],
)
def test_wrong_data(voc, weights, tmp_path, capsys, case):
    spoil, told = case
    spoil(voc)
    arguments = ["--data", voc, "-o", tmp_path / "out", *options(weights)]
    assert bench("attention-segmentation", *arguments) == 2
    assert told in said(capsys)
