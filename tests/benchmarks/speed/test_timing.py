import torch

from benchmarks.speed.timing import time_backbone
from vos.backbones.loading import load_backbone


def test_out_of_memory_is_told(monkeypatch):
    backbone = load_backbone("efficientnet_lite0", untrained=True, device="cpu", precision="fp32")

    def full(_images):
        raise torch.OutOfMemoryError("full")

    monkeypatch.setattr(backbone, "forward", full)
    timing = time_backbone(backbone, size=32, precision="fp32", batch=1, seconds=0)
    assert timing.images_per_second is None
    assert timing.passes == 0
