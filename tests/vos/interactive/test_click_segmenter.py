import numpy as np
import pytest
import torch

from vos.backbones.loading import load_backbone
from vos.errors import InputError
from vos.interactive.click_segmenter import ClickSegmenter
from vos.interactive.prompts import Box, Click, Stroke


def overlap(a, b):
    return (a & b).sum() / (a | b).sum()


@pytest.fixture(scope="module")
def scene():
    """Two bright discs of one look on a dark ground: frame, features, and the discs' pixels."""
    rows, columns = np.mgrid[:240, :400]
    discs = [(rows - 120) ** 2 + (columns - x) ** 2 < 50**2 for x in (100, 290)]
    both = discs[0] | discs[1]
    random = np.random.default_rng(2)
    image = np.where(both[..., None], (210, 150, 60), (40, 70, 90))
    frame = (image + random.integers(-6, 7, image.shape)).astype(np.uint8)
    features = random.normal(0, 0.05, (6, 60, 100)).astype(np.float32)
    features[0] += both[2::4, 2::4]
    features[1] += ~both[2::4, 2::4]
    return frame, torch.from_numpy(features), discs


@pytest.fixture(scope="module")
def segmenter(scene):
    return ClickSegmenter(scene[0], features=scene[1])


def test_a_click_gives_the_part_that_it_is_on(scene, segmenter):
    mask = segmenter.mask([Click(100, 120)])
    assert mask.dtype == np.bool_ and mask.shape == segmenter.shape == (240, 400)
    assert overlap(mask, scene[2][0]) > 0.97


def test_a_second_positive_click_adds_its_part(scene, segmenter):
    mask = segmenter.mask([Click(100, 120), Click(290, 120)])
    assert overlap(mask, scene[2][0] | scene[2][1]) > 0.97


def test_the_same_prompts_give_the_same_mask_whatever_came_before(scene, segmenter):
    first = segmenter.mask([Click(100, 120)])
    segmenter.mask([Click(100, 120), Click(110, 130, positive=False)])
    np.testing.assert_array_equal(segmenter.mask([Click(100, 120)]), first)
    other = ClickSegmenter(scene[0], features=scene[1])
    np.testing.assert_array_equal(other.mask([Click(100, 120)]), first)


def test_drawn_pixels_are_as_drawn(scene, segmenter):
    brush, eraser = np.zeros((2, 240, 400), bool)
    brush[20:24, 40:80] = True  # on the ground
    eraser[118:123, 90:110] = True  # in the disc
    mask = segmenter.mask([Click(100, 150), Stroke(brush), Stroke(eraser, positive=False)])
    assert mask[brush].all() and not mask[eraser].any() and mask[150, 100]


def test_a_box_gives_what_is_in_it(scene, segmenter):
    mask = segmenter.mask([Box(40, 60, 165, 185)])
    assert overlap(mask, scene[2][0]) > 0.95
    assert not mask[:, 165:].any() and not mask[:60].any()


def test_a_box_bounds_a_click_and_a_pixel_drawn_outside_of_it_stays(segmenter):
    mask = segmenter.mask([Click(265, 120), Box(240, 60, 290, 190), Click(300, 120)])
    outside = mask.copy()
    outside[60:190, 240:290] = False
    assert mask[120, 260] and np.argwhere(outside).tolist() == [[120, 300]]


def test_without_a_positive_prompt_the_mask_is_empty(segmenter):
    assert not segmenter.mask([]).any()
    assert not segmenter.mask([Click(100, 120, positive=False)]).any()


def test_a_negative_click_takes_the_wrong_part_of_a_base_away(scene, segmenter):
    first, second = scene[2]
    mask = segmenter.mask([Click(290, 120, positive=False)], first | second)
    np.testing.assert_array_equal(mask[:, :200], first[:, :200])
    assert mask[:, 200:].sum() < 0.03 * second.sum()


def test_a_positive_click_adds_what_a_base_lacks_around_it(scene, segmenter):
    first, second = scene[2]
    lacking = second.copy()
    lacking[120:, 280:] = False
    mask = segmenter.mask([Click(300, 140)], first | lacking)
    np.testing.assert_array_equal(mask[:, :200], first[:, :200])
    assert overlap(mask[:, 200:], second[:, 200:]) > 0.95 > overlap(lacking, second)


def test_a_base_stays_where_nothing_is_drawn_and_where_a_click_agrees(scene, segmenter):
    base = np.zeros((240, 400), bool)
    base[100:180, 50:120] = base[5:9, 5:9] = True
    np.testing.assert_array_equal(segmenter.mask([], base), base)
    agreeing = [Click(60, 110), Click(7, 7), Click(200, 20, positive=False)]
    np.testing.assert_array_equal(segmenter.mask(agreeing, base), base)


def test_what_is_drawn_on_a_base_is_certain(scene, segmenter):
    base = scene[2][0] | scene[2][1]
    brush, eraser = np.zeros((2, 240, 400), bool)
    brush[20:24, 40:80] = True
    eraser[118:123, 90:110] = True
    mask = segmenter.mask([Stroke(brush), Stroke(eraser, positive=False)], base)
    assert mask[brush].all() and not mask[eraser].any()
    boxed = segmenter.mask([Box(40, 60, 165, 185), Click(220, 120)], base)
    outside = boxed.copy()
    outside[60:185, 40:165] = False
    assert np.argwhere(outside).tolist() == [[120, 220]]


def test_an_empty_base_is_none(scene, segmenter):
    clicks = [Click(100, 120)]
    empty = np.zeros((240, 400), bool)
    np.testing.assert_array_equal(segmenter.mask(clicks, empty), segmenter.mask(clicks))
    assert not segmenter.mask([Click(100, 120, positive=False)], empty).any()


def test_a_correction_is_the_same_whatever_was_asked_before(scene, segmenter):
    base, clicks = scene[2][0] | scene[2][1], [Click(290, 120, positive=False)]
    first = segmenter.mask(clicks, base)
    segmenter.mask([Click(20, 20)], base)
    np.testing.assert_array_equal(segmenter.mask(clicks, base), first)


def test_features_come_from_a_backbone(scene):
    backbone = load_backbone("efficientnet_lite0", device="cpu", precision="fp32")
    mask = ClickSegmenter(scene[0], backbone).mask([Click(100, 120)])
    assert overlap(mask, scene[2][0]) > 0.9


def test_wrong_input_is_refused(scene, segmenter):
    frame, features, _ = scene
    with pytest.raises(InputError, match="backbone or the frame's features"):
        ClickSegmenter(frame)
    with pytest.raises(InputError, match="uint8"):
        ClickSegmenter(frame.astype(np.float32), features=features)
    with pytest.raises(InputError, match=r"\(60, 100\)"):
        ClickSegmenter(frame, features=features[0])
    with pytest.raises(InputError, match="finite"):
        ClickSegmenter(frame, features=features * torch.inf)
    with pytest.raises(InputError, match="tuple"):
        segmenter.mask([(100, 120)])
    with pytest.raises(InputError, match=r"base is uint8 of shape \(240, 400\)"):
        segmenter.mask([], np.zeros((240, 400), np.uint8))
    with pytest.raises(InputError, match=r"base is bool of shape \(400, 240\)"):
        segmenter.mask([], np.zeros((400, 240), bool))
    with pytest.raises(InputError, match="x from 0 to 399"):
        segmenter.mask([Click(400, 0)])
