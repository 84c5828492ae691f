"""Batches of crops of a few photographs, as the tests of this wing make them."""

import torch

from pretrain.config.pretrain_config import PretrainConfig
from pretrain.data.dataset import CropDataset
from pretrain.data.loader import StepSampler, build_loader
from pretrain.sources.mixture import Mixture

CONFIG = PretrainConfig(
    global_crops_size=32, local_crops_size=16, local_crops_number=2, epochs=2, warmup_epochs=0.0
)


def loader(folder, *, workers=0, first_step=0, rank=0, size=1, share=4, parts=1, colors=True):
    mixture = Mixture([str(folder)])
    sampler = StepSampler(
        mixture,
        seed=0,
        steps_per_epoch=2,
        first_step=first_step,
        steps=4,
        share=share,
        parts=parts,
        rank=rank,
        size=size,
    )
    return build_loader(CropDataset(mixture, CONFIG, colors), sampler, workers, False)


def crops(*args, **kwargs):
    return [batch.crops for batch in loader(*args, **kwargs)]


def assert_same(one, other):
    assert len(one) == len(other)
    for left, right in zip(one, other, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(left, right, strict=True))
