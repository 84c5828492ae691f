"""Attention of the teacher's heads as a sheet."""

import numpy as np
import torch

from pretrain.models.student_teacher import build_backbone
from pretrain.probes.attention import attention_sheet
from tests.pretrain.runs import CONFIG, tiny_vit

__all__ = ["tiny_vit"]


def test_attention_is_a_row_an_image(tiny_vit):
    backbone, _ = build_backbone(CONFIG, 0.0)
    images = [np.full((64, 64, 3), 90, np.uint8)] * 2
    sheet = attention_sheet(backbone.eval(), images, CONFIG, torch.device("cpu"))
    assert sheet.shape == (128, 64 * 2, 3) and sheet.dtype == np.uint8
