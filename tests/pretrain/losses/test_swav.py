"""SwAV's objective against its formula."""

import torch
from torch.nn import functional as F

from pretrain.losses.sinkhorn import sinkhorn_knopp
from pretrain.losses.swav import SwAVLoss
from tests.pretrain.losses.arrays import numbers


def test_swav_predicts_the_other_views_code():
    loss = SwAVLoss(temperature=0.1, epsilon=0.05, iterations=3)
    teacher, student = numbers(2, 6, 4) * 0.1, numbers(3, 6, 4, seed=1) * 0.1
    codes = [sinkhorn_knopp(view / 0.05, 3) for view in teacher]
    log_p = [F.log_softmax(view / 0.1, dim=-1) for view in student]
    pairs = [(0, 1), (0, 2), (1, 0), (1, 2)]
    expected = torch.stack([-(codes[g] * log_p[v]).sum(-1).mean() for g, v in pairs]).mean()
    torch.testing.assert_close(loss(student, loss.targets(teacher, 0)).loss, expected)
