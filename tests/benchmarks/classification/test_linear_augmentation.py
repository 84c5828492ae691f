import torch

from benchmarks.classification.linear_augmentation import Augmented, epoch_batches
from benchmarks.features.image_sets import open_classes
from benchmarks.features.transforms import ImageTransform
from tests.data.images import write_classes


def test_crops_depend_on_seed_epoch_and_image_alone(tmp_path):
    images = open_classes(write_classes(tmp_path, 2))
    view = ImageTransform("crop", 16)
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first, label = Augmented(images, view, 0, 0)[3]
    assert torch.equal(torch.random.get_rng_state(), before)
    assert label == 1
    assert first.shape == (3, 16, 16)
    assert torch.equal(Augmented(images, view, 0, 0)[3][0], first)
    assert not torch.equal(Augmented(images, view, 0, 1)[3][0], first)
    orders = [list(epoch_batches(7, 3, 0, epoch)) for epoch in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(number for batch in orders[0] for number in batch) == list(range(7))
    assert [len(b) for b in orders[0]] == [3, 3, 1]
