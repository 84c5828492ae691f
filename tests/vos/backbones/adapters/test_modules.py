"""Modules that say what a backbone of them needs."""

import pytest
import torch
from torch import nn

from vos.backbones.adapters.modules import backbone_of_module
from vos.errors import InputError


class Tokens(nn.Conv2d):
    """Tokens behind a class token and two registers."""

    def __init__(self, class_token, registers):
        super().__init__(3, 6, 8, 8)
        self.stride_of_convolution = (8, 8)
        self.mean = nn.Parameter(torch.full((3, 1, 1), 0.5))
        self.std = (0.2, 0.2, 0.2)
        self.class_token, self.registers = class_token, registers

    def forward(self, images):
        patches = nn.functional.conv2d(images, self.weight, self.bias, 8).flatten(2)
        return torch.cat([patches[..., :3], patches], dim=2).transpose(1, 2)


def test_the_attributes_are_those_of_wrapping():
    module = Tokens(True, 2)
    module.stride, module.name = 8, "tokens"
    backbone = backbone_of_module(module)
    assert backbone_of_module(backbone) is backbone
    assert (backbone.stride, backbone.mean, backbone.record.name) == (8, (0.5,) * 3, "tokens")
    assert backbone.has_class_token


def test_tensors_of_those_names_are_no_options():
    module = Tokens(nn.Parameter(torch.zeros(1, 1, 6)), nn.Parameter(torch.zeros(1, 2, 6)))
    module.stride = 8
    with pytest.raises(InputError, match="give class_token=True, registers=2"):
        backbone_of_module(module)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (7, "a backbone is expected, and int was given"),
        (nn.Identity, "and the class Identity was given"),
        (nn.Identity(), "the module Identity does not say its stride, mean, std"),
    ],
)
def test_what_is_no_backbone_is_named(given, text):
    with pytest.raises(InputError, match=text):
        backbone_of_module(given)
