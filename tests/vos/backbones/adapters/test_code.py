"""The code of backbones that are not this package's."""

import sys
from importlib import util

import torch

from tests.data.backbones import untrained
from vos.backbones.adapters.code import code_digest
from vos.backbones.adapters.wrapped import wrap_backbone
from vos.features.cache import CachedBackbone

MODULE = """
import torch
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(1))
    def forward(self, images):
        return torch.nn.functional.avg_pool2d(images, 8) * self.scale {change}
"""


def backbone_of(path, change=""):
    path.write_text(MODULE.format(change=change))
    spec = util.spec_from_file_location("own_network", path)
    module = sys.modules["own_network"] = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return wrap_backbone(module.Net(), stride=8, mean=(0.5,) * 3, std=(0.5,) * 3)


def test_backbones_of_packages_have_none(vits16):
    assert code_digest(vits16) is None
    assert code_digest(untrained("timm:resnet10t")) is None


def test_features_of_changed_code_are_computed_again(tmp_path):
    images = torch.rand(1, 3, 32, 32)
    for file, change, computed in [("a.py", "", 1), ("a.py", "", 0), ("b.py", "+ 1", 1)]:
        backbone = CachedBackbone(backbone_of(tmp_path / file, change), tmp_path / "cache")
        expected = backbone.inner(images)
        assert torch.equal(backbone(images), expected)
        assert backbone.computed == computed


def test_a_class_typed_into_a_session_has_one():
    spaces = [{"__name__": "typed", "torch": torch} for _ in range(2)]
    for space, change in zip(spaces, ("* 2", "* 3"), strict=True):
        exec(MODULE.format(change=change), space)
    options = {"stride": 8, "mean": (0.5,) * 3, "std": (0.5,) * 3}
    digests = {code_digest(wrap_backbone(space["Net"](), **options)) for space in spaces}
    assert len(digests) == 2
