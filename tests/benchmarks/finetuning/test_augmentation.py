import random

import numpy as np
import torch

from benchmarks.features.image_sets import open_classes
from benchmarks.features.transforms import ImageTransform
from benchmarks.finetuning.augmentation import RecipeImages, mixer, seeded
from benchmarks.finetuning.recipe import Recipe


def test_targets_without_mixing_by_hand():
    images = torch.zeros(2, 3, 4, 4)
    mix = mixer(Recipe(mixup=0, cutmix=0, smoothing=0.3), 3)
    _, targets = mix(images, torch.tensor([0, 2]))
    torch.testing.assert_close(targets, torch.tensor([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]]))


def test_mixed_targets_sum_to_one():
    mix = mixer(Recipe(), 3)
    with seeded(0):
        images, targets = mix(torch.randn(4, 3, 8, 8), torch.tensor([0, 1, 2, 0]))
    assert images.shape == (4, 3, 8, 8)
    torch.testing.assert_close(targets.sum(1), torch.ones(4))


def test_loader_workers_touch_no_gpu(monkeypatch):
    """CUDA cannot be started in a forked process: whatever asks for its state ends the worker."""
    asked = []

    def state(device="cuda"):
        asked.append(device)
        return torch.zeros(16, dtype=torch.uint8)

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_rng_state", state)
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda _state, device="cuda": None)
    with seeded(0):
        pass
    with seeded(0, torch.device("cpu")):
        pass
    assert not asked
    with seeded(0, torch.device("cuda:1")):  # the step draws drop path on its own GPU
        pass
    assert asked == [torch.device("cuda:1")]


def test_augmentation_depends_on_seed_epoch_and_place_alone(place):
    images = open_classes(place / "train")
    view = ImageTransform("crop", 32)
    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    one = RecipeImages(images, view, Recipe(), 0, 0)
    first, label = one[5]
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # noqa: NPY002
    again = RecipeImages(images, view, Recipe(), 0, 0)
    assert torch.equal(again[5][0], first)
    assert label == images.labels[one.order[5]]
    assert not torch.equal(RecipeImages(images, view, Recipe(), 0, 1)[5][0], first)
    # three repeats: a third of the images, each three times, augmented anew
    assert len(one) == 12
    assert len(set(one.order)) == 4
    assert one.order[3:6] == [one.order[3]] * 3
    assert not torch.equal(one[4][0], first)
