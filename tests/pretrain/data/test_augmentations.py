"""Multi-crop: the statistics of what is drawn."""

import itertools

import numpy as np
import pytest

from pretrain.config.pretrain_config import PretrainConfig
from pretrain.data.augmentations import (
    CropParameters,
    draw,
    largest_reduction,
    recipes,
)

SIZE = (300, 400)


def drawn(which, count=3000):
    recipe = recipes(PretrainConfig())[which]
    random = np.random.default_rng(0)
    return [draw(random, recipe, *SIZE) for _ in range(count)]


def share(parameters, test):
    return np.mean([bool(test(p)) for p in parameters])


@pytest.mark.parametrize(
    ("which", "blur", "solarize", "scale"),
    [(0, 1.0, 0.0, (0.4, 1)), (1, 0.1, 0.2, (0.4, 1)), (2, 0.5, 0.0, (0.05, 0.4))],
    ids=["global-1", "global-2", "local"],
)
def test_what_is_drawn_has_the_published_shares(which, blur, solarize, scale):
    parameters = drawn(which)
    assert share(parameters, lambda p: p.sigma) == pytest.approx(blur, abs=0.03)
    assert share(parameters, lambda p: p.solarize) == pytest.approx(solarize, abs=0.03)
    assert share(parameters, lambda p: p.flip) == pytest.approx(0.5, abs=0.03)
    assert share(parameters, lambda p: p.factors) == pytest.approx(0.8, abs=0.03)
    assert share(parameters, lambda p: p.gray) == pytest.approx(0.2, abs=0.03)
    areas = np.array([p.box[2] * p.box[3] for p in parameters]) / (SIZE[0] * SIZE[1])
    assert scale[0] - 0.01 < areas.min() and areas.max() <= scale[1] + 0.01
    ratios = np.array([p.box[3] / p.box[2] for p in parameters])
    assert ratios.min() > 0.73 and ratios.max() < 1.36


def test_factors_and_blur_are_uniform_in_their_ranges():
    parameters = [p for p in drawn(0) if p.factors]
    factors = np.array([p.factors for p in parameters])
    low, high = factors.min(0), factors.max(0)
    np.testing.assert_allclose(low, [0.6, 0.6, 0.8, -0.1], atol=0.01)
    np.testing.assert_allclose(high, [1.4, 1.4, 1.2, 0.1], atol=0.01)
    np.testing.assert_allclose(factors.mean(0), [1, 1, 1, 0], atol=0.02)
    sigmas = np.array([p.sigma for p in parameters])
    assert sigmas.min() == pytest.approx(0.1, abs=0.02) and sigmas.max() == pytest.approx(
        2, abs=0.02
    )
    assert {p.order for p in parameters} == set(itertools.permutations(range(4)))


def test_boxes_cover_the_whole_image():
    parameters = drawn(2)
    assert min(p.box[0] for p in parameters) == 0 and min(p.box[1] for p in parameters) == 0
    assert max(p.box[0] + p.box[2] for p in parameters) == SIZE[0]
    assert max(p.box[1] + p.box[3] for p in parameters) == SIZE[1]


@pytest.mark.parametrize("size", [(1, 1), (1, 200), (200, 1), (10, 3000)])
def test_extreme_images_have_a_box_inside(size):
    random = np.random.default_rng(0)
    for recipe in recipes(PretrainConfig()):
        for _ in range(20):
            top, left, height, width = draw(random, recipe, *size).box
            assert height >= 1 and width >= 1
            assert top >= 0 and left >= 0 and top + height <= size[0] and left + width <= size[1]


def test_recipes_are_two_global_and_the_local_crops():
    kinds = recipes(PretrainConfig(local_crops_number=3))
    assert [k.size for k in kinds] == [224, 224, 96, 96, 96]


def test_a_reduction_never_enlarges_a_crop():
    def p(height, width, size):
        return CropParameters(
            (0, 0, height, width), size, False, None, (0, 1, 2, 3), False, 0, False
        )

    assert largest_reduction([p(500, 900, 224)]) == 2
    assert largest_reduction([p(900, 900, 224), p(100, 100, 96)]) == 1
    assert largest_reduction([p(4000, 4000, 96)]) == 8
    assert largest_reduction([p(50, 50, 96)]) == 1
