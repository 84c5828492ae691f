"""MoCo-v2's objective against its formula, and its queue."""

import torch
from torch.nn import functional as F

from pretrain.losses.moco import MoCoLoss
from tests.pretrain.losses.arrays import numbers


def test_moco_is_infonce_against_the_queue():
    loss = MoCoLoss(3, queue_size=4, temperature=0.5)
    teacher, student = numbers(2, 1, 3), numbers(2, 1, 3, seed=1)
    q, k = F.normalize(student[0, 0], dim=0), F.normalize(teacher[1, 0], dim=0)
    logits = torch.cat([(q @ k)[None], loss.queue @ q]) / 0.5
    one = F.cross_entropy(logits[None], torch.tensor([0]))
    q, k = F.normalize(student[1, 0], dim=0), F.normalize(teacher[0, 0], dim=0)
    logits = torch.cat([(q @ k)[None], loss.queue @ q]) / 0.5
    other = F.cross_entropy(logits[None], torch.tensor([0]))
    torch.testing.assert_close(loss(student, loss.targets(teacher, 0)).loss, (one + other) / 2)


def test_moco_replaces_the_oldest_keys():
    loss = MoCoLoss(3, queue_size=6)
    keys = [F.normalize(numbers(2, 2, 3, seed=s), dim=-1).flatten(0, 1) for s in (1, 2)]
    for key in keys:
        loss.update(key.view(2, 2, 3))
    torch.testing.assert_close(loss.queue[4:], keys[1][:2])
    torch.testing.assert_close(loss.queue[:2], keys[1][2:])
    torch.testing.assert_close(loss.queue[2:4], keys[0][2:])
    assert loss.queue_position.item() == 2


def test_moco_keeps_the_newest_of_a_batch_larger_than_the_queue():
    loss = MoCoLoss(3, queue_size=3)
    keys = F.normalize(numbers(2, 4, 3), dim=-1)
    loss.update(keys)
    torch.testing.assert_close(loss.queue, keys[1, 1:])
