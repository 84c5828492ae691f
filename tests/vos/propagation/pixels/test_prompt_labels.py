"""A given mask as labels of patches, and laid over a predicted mask."""

import numpy as np
import pytest
import torch

from vos.propagation.pixels.prompt_labels import prompt_labels, with_prompt

GRID, STRIDE = (2, 3), 8


def mask(*boxes):
    """Ids in boxes (id, top, left, bottom, right) of 16 x 24 pixels."""
    ids = np.zeros((16, 24), np.uint8)
    for object_id, top, left, bottom, right in boxes:
        ids[top:bottom, left:right] = object_id
    return ids


def labels(prompt, objects, predicted=None, sampling="area"):
    return prompt_labels(prompt, objects, predicted, GRID, sampling=sampling, stride=STRIDE)


def test_areas_are_the_shares_of_a_patch():
    found = labels(mask((7, 0, 0, 8, 8), (9, 0, 8, 4, 16)), [7, 9])
    assert found.shape == (6, 3)
    assert found[0].tolist() == [0, 1, 0]
    assert found[1].tolist() == [0.5, 0, 0.5]
    assert found[2:].tolist() == [[1, 0, 0]] * 4


def test_nearest_takes_one_pixel_of_a_patch():
    prompt = mask((7, 0, 0, 8, 4))  # the left half; the pixel taken is right of it
    assert labels(prompt, [7])[0].tolist() == [0.5, 0.5]
    assert labels(prompt, [7], sampling="nearest")[0].tolist() == [1, 0]


@pytest.mark.parametrize("sampling", ["nearest", "bilinear", "area"])
def test_void_has_no_label_before_there_is_a_prediction(sampling):
    found = labels(mask((255, 0, 0, 8, 8), (7, 8, 0, 16, 8)), [7], sampling=sampling)
    assert found[0].tolist() == [0, 0]
    assert found[3].tolist() == [0, 1]


def test_the_rest_is_as_predicted():
    """A corrected object is where the prompt says; others and void stay as they were."""
    predicted = torch.tensor([[0.2, 0.5, 0.3]] * 6)
    found = labels(mask((7, 0, 0, 8, 8), (255, 0, 8, 8, 16)), [7, 9], predicted)
    assert found[0].tolist() == [0, 1, 0]
    assert torch.allclose(found[1], predicted[1])
    assert torch.allclose(found[2:], torch.tensor([[0.7, 0, 0.3]] * 4))


def test_a_prompt_lies_over_the_mask():
    before = mask((7, 0, 0, 8, 24), (9, 8, 0, 16, 24))
    prompt = mask((7, 0, 0, 4, 4), (255, 0, 16, 8, 24))
    after = with_prompt(before, prompt, (7,))
    assert (after[:4, :4] == 7).all()
    assert (after[4:8, :16] == 0).all()
    assert (after[:8, 16:] == 7).all()
    assert (after[8:] == 9).all()
