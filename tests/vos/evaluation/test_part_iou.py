import numpy as np
import pytest

from vos.errors import InputError
from vos.evaluation.part_iou import PartConfusion, resize_like_pillow


def test_classes_of_neither_are_left_out_and_void_is_not_counted():
    true = np.array([[0, 0, 3, 255], [0, 0, 3, 255]], np.uint8)
    predicted = np.array([[0, 0, 3, 3], [0, 5, 3, 20]], np.uint8)
    confusion = PartConfusion()
    confusion.add(true, predicted)
    assert confusion.matrix.sum() == 6
    assert confusion.iou[[0, 3, 5]].tolist() == [0.75, 1.0, 0.0]
    assert np.isnan(confusion.iou[1])
    figures = confusion.figures()
    assert figures["mIoU"] == pytest.approx(1.75 / 3)
    assert figures["pixel_accuracy"] == pytest.approx(5 / 6)


def test_predictions_of_another_size_are_resized_by_nearest():
    predicted = np.array([[1, 2]], np.uint8)
    assert resize_like_pillow(predicted, 2, 4).tolist() == [[1, 1, 2, 2], [1, 1, 2, 2]]
    confusion = PartConfusion()
    confusion.add(np.array([[1, 1, 2, 2]], np.uint8), predicted)
    assert confusion.figures()["mIoU"] == 1


def test_shuffled_classes_score_0():
    true = np.arange(20, dtype=np.uint8)[None]
    confusion = PartConfusion()
    confusion.add(true, np.roll(true, 1))
    assert confusion.figures()["mIoU"] == 0


def test_a_predicted_pixel_that_is_no_class():
    with pytest.raises(InputError, match="class 20; expected 0 to 19"):
        PartConfusion().add(np.zeros((1, 1), np.uint8), np.full((1, 1), 20, np.uint8))
    assert np.isnan(PartConfusion().figures()["mIoU"])
