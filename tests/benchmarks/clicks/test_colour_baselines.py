import numpy as np
import pytest

from benchmarks.clicks.colour_baselines import BASELINES, GrabCut, RandomWalker
from vos.interactive.prompts import Click


@pytest.fixture
def disc():
    rows, columns = np.mgrid[:96, :128]
    truth = (rows - 48) ** 2 + (columns - 64) ** 2 < 25**2
    random = np.random.default_rng(3)
    image = np.where(truth[..., None], (200, 150, 60), (40, 60, 90))
    return (image + random.integers(-8, 9, image.shape)).astype(np.uint8), truth


@pytest.mark.parametrize("baseline", BASELINES)
@pytest.mark.parametrize("short_side", [0, 48])
def test_a_disc_of_one_colour_takes_two_clicks(disc, baseline, short_side):
    image, truth = disc
    mask = baseline(image, short_side).mask([Click(64, 48), Click(10, 10, positive=False)])
    assert mask.dtype == np.bool_ and mask.shape == truth.shape
    assert (mask & truth).sum() / (mask | truth).sum() > 0.93


def test_positive_clicks_alone(disc):
    image, _ = disc
    assert RandomWalker(image, 0).mask([Click(64, 48)]).all()
    assert not RandomWalker(image, 0).mask([Click(64, 48, positive=False)]).any()
    assert not GrabCut(image, 0).mask([Click(64, 48, positive=False)]).any()
    assert GrabCut(image, 0).mask([Click(64, 48)])[48, 64]
