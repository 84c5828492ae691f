"""Multi-crop: the statistics of what is drawn, and the pictures against Pillow's."""

import io
import itertools
import math

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.speed.loader import crop_with_pillow, photo_jpegs
from pretrain.config.pretrain_config import PretrainConfig
from pretrain.data.augmentations import (
    MEAN,
    STD,
    CropParameters,
    draw,
    largest_reduction,
    recipes,
    recolor,
)
from pretrain.data.crops import crops_of_frame, make_crops
from pretrain.data.device_augmentations import normalize, pack, recolor_batch
from pretrain.sources.decode import read_header

SIZE = (300, 400)


def photo(height=300, width=400, seed=0):
    """A smooth picture with edges and strong colours."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / max(height, width)
    waves = [
        np.sin(2 * np.pi * (random.uniform(1, 6) * x + random.uniform(1, 6) * y)) for _ in "rgb"
    ]
    picture = np.stack(waves, axis=-1) * 45 + 128
    picture[height // 4 : height // 2, width // 4 : width // 2] = (180, 90, 100)
    return picture.clip(0, 255).astype(np.uint8)


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


@pytest.mark.parametrize("seed", range(6))
def test_crops_equal_pillows_with_the_same_parameters(seed):
    data = photo_jpegs([photo(seed=seed)], 256)[0]
    header = read_header(data)
    random = np.random.default_rng(seed)
    parameters = [draw(random, k, header.height, header.width) for k in recipes(PretrainConfig())]
    ours, _ = make_crops(data, [], random, drawn=parameters)
    image = Image.open(io.BytesIO(data)).convert("RGB")
    for crop, p in zip(ours, parameters, strict=True):
        difference = np.abs(crop.astype(float) - crop_with_pillow(image, p)).mean()
        assert difference < 2, p


def test_reduced_decoding_gives_the_same_crops():
    data = photo_jpegs([photo(1200, 1600)], 1200)[0]
    random = np.random.default_rng(0)
    config = PretrainConfig(global_crops_size=224, local_crops_number=0)
    parameters = [draw(random, k, 1200, 1600) for k in recipes(config)]
    assert largest_reduction(parameters) > 1
    ours, _ = make_crops(data, [], random, drawn=parameters)
    image = Image.open(io.BytesIO(data)).convert("RGB")
    for crop, p in zip(ours, parameters, strict=True):
        assert np.abs(crop.astype(float) - crop_with_pillow(image, p)).mean() < 2


def test_a_reduction_never_enlarges_a_crop():
    def p(height, width, size):
        return CropParameters(
            (0, 0, height, width), size, False, None, (0, 1, 2, 3), False, 0, False
        )

    assert largest_reduction([p(500, 900, 224)]) == 2
    assert largest_reduction([p(900, 900, 224), p(100, 100, 96)]) == 1
    assert largest_reduction([p(4000, 4000, 96)]) == 8
    assert largest_reduction([p(50, 50, 96)]) == 1


def plain(size=64, **changes):
    values = {
        "box": (0, 0, size, size),
        "size": size,
        "flip": False,
        "factors": None,
        "order": (0, 1, 2, 3),
        "gray": False,
        "sigma": 0.0,
        "solarize": False,
    }
    return CropParameters(**{**values, **changes})


CASES = {
    "none": {},
    "brightness": {"factors": (1.3, 1.0, 1.0, 0.0)},
    "contrast": {"factors": (1.0, 0.7, 1.0, 0.0)},
    "saturation": {"factors": (1.0, 1.0, 1.2, 0.0)},
    "hue": {"factors": (1.0, 1.0, 1.0, 0.1)},
    "all": {"factors": (1.2, 0.8, 1.1, -0.08), "order": (3, 1, 0, 2)},
    "gray": {"gray": True},
    "blur": {"sigma": 1.3},
    "solarize": {"solarize": True},
}


@pytest.mark.parametrize("name", CASES)
def test_each_operation_on_the_worker_and_on_the_device(name):
    crop, p = photo(64, 64), plain(**CASES[name])
    worker = recolor(crop, p)
    reference = crop_with_pillow(Image.fromarray(crop), p)
    batch = torch.from_numpy(np.stack([crop, crop])).permute(0, 3, 1, 2)
    device = recolor_batch(batch, pack([plain(), p]))
    assert np.abs(worker.astype(float) - reference).mean() < 1.5
    on_device = device[1].permute(1, 2, 0).numpy()
    assert np.abs(on_device - reference).mean() < 2
    torch.testing.assert_close(device[0], batch[0].float())
    if name != "none":
        assert np.abs(worker.astype(float) - crop).mean() > 1


def test_flip_mirrors():
    frame = photo(64, 64)
    random = np.random.default_rng(0)
    crops, parameters = crops_of_frame(frame, recipes(PretrainConfig())[:1], random, colors=False)
    assert crops[0].shape == (224, 224, 3) and len(parameters) == 1
    flipped = crop_with_pillow(Image.fromarray(frame), plain(flip=True))
    np.testing.assert_array_equal(flipped, frame[:, ::-1])


def test_normalisation_by_hand():
    images = torch.tensor([0.0, 127.5, 255.0]).view(1, 3, 1, 1)
    expected = [(v - m) / s for v, m, s in zip((0, 0.5, 1), MEAN, STD, strict=True)]
    torch.testing.assert_close(normalize(images).flatten(), torch.tensor(expected))


def test_one_channel_is_luminance():
    white = normalize(torch.full((1, 3, 2, 2), 255.0), channels=1)
    assert white.shape == (1, 1, 2, 2)
    assert white[0, 0, 0, 0].item() == pytest.approx((1 - np.mean(MEAN)) / np.mean(STD), rel=1e-4)
    assert math.isfinite(white.sum())
