import numpy as np

from benchmarks.davis.run_folder import RunFolder
from benchmarks.parts.vip_run import score_parts
from tests.data.point_sets import make_vip
from vos.datasets.vip import open_vip
from vos.masks.io import write_mask


def write_masks(dataset, out, change):
    """Write changed truth as the predicted masks."""
    for video in dataset.sequences:
        for frame in video.annotations:
            mask = change(video.read_annotation(frame))
            write_mask(out / "masks" / video.name / f"{frame}.png", mask)
    return RunFolder(out)


def test_the_truth_scores_1_and_shuffled_classes_0(tmp_path):
    dataset = open_vip(make_vip(tmp_path / "VIP_Fine", frames=2))
    right = score_parts(dataset, write_masks(dataset, tmp_path / "right", lambda mask: mask))
    assert right.overall.figures()["mIoU"] == 1
    assert right.overall.matrix.sum() == sum(v.matrix.sum() for v in right.videos.values())
    shift = np.arange(256, dtype=np.uint8)
    shift[[0, 2, 5, 13, 19]] = [2, 5, 13, 19, 0]
    wrong = score_parts(dataset, write_masks(dataset, tmp_path / "wrong", lambda mask: shift[mask]))
    assert wrong.overall.figures()["mIoU"] == 0
