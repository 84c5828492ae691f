"""The code of backbones that are not this package's."""

import sys
from importlib import util

import pytest
import torch

from tests.data.backbones import untrained
from vos.backbones.adapters.code import code_digest
from vos.backbones.adapters.wrapped import wrap_backbone
from vos.backbones.loading import load_backbone
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


TYPED = """
import torch
class Net(torch.nn.Module):
    {member}
    def __init__(self, layer=1):
        super().__init__()
        self.layer = layer
        self.scale = torch.nn.Parameter(torch.ones(1))
    def forward(self, images{default}):
        y = torch.nn.functional.avg_pool2d(images, 8) * self.scale
        return {expression}
"""


def typed(member="pass", default="", expression="y", layer=1):
    """A backbone of a class that was typed into a session."""
    space = {"__name__": "typed", "torch": torch}
    exec(TYPED.format(member=member, default=default, expression=expression), space)
    return wrap_backbone(space["Net"](layer), stride=8, mean=(0.5,) * 3, std=(0.5,) * 3)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"member": "power = 1"}, {"member": "power = 3"}),
        ({"default": ", power=1"}, {"default": ", power=3"}),
        ({"member": "f = staticmethod(lambda y: y)"}, {"member": "f = staticmethod(lambda y: -y)"}),
        ({"member": "f = property(lambda s: 1)"}, {"member": "f = property(lambda s: 2)"}),
        ({"expression": "sum([t for t in (y,)])"}, {"expression": "sum([-t for t in (y,)])"}),
        ({"layer": 4}, {"layer": 2}),
    ],
)
def test_whatever_features_depend_on_is_in_the_digest(first, second):
    assert code_digest(typed(**first)) == code_digest(typed(**first))
    assert code_digest(typed(**first)) != code_digest(typed(**second))


def test_another_function_of_a_file_is_another_backbone(tmp_path, monkeypatch):
    path = tmp_path / "nets.py"
    path.write_text(
        MODULE.format(change="")
        + "    stride, mean, std = 8, (0.5,) * 3, (0.5,) * 3\n"
        + "def first():\n    return Net()\ndef second():\n    return Net()\n"
    )
    loaded = [load_backbone(f"{path}:{name}", device="cpu") for name in ("first", "second")]
    assert code_digest(loaded[0]) != code_digest(loaded[1])
