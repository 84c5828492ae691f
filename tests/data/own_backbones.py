"""Files with functions that return backbones, as users write them."""

import sys
from contextlib import contextmanager
from pathlib import Path

NETWORK = """
import torch
import vos


class Net(torch.nn.Module):
    def __init__(self, dim=6):
        super().__init__()
        torch.manual_seed(0)
        self.patches = torch.nn.Conv2d(3, dim, 8, 8)

    def forward(self, images):
        return self.patches(images)


def make():
    net = Net()
    net.stride, net.mean, net.std = 8, (0.5,) * 3, (0.2,) * 3
    return net


def wrapped():
    return vos.wrap_backbone(Net(), stride=8, mean=(0.5,) * 3, std=(0.2,) * 3, name="mine")


class Own(vos.Backbone):
    def __init__(self):
        super().__init__(Net(), stride=8, dim=6, mean=(0.5,) * 3, std=(0.2,) * 3)

    def block_features(self, images, numbers):
        return [(self.network(images), None)]
"""


def write_network(path, more=""):
    """Write the file; return it."""
    path.write_text(NETWORK + more)
    return path


@contextmanager
def modules_forgotten(folder):
    """Take the modules of a folder that a block loads, and its places, away from Python again."""
    modules, places = set(sys.modules), list(sys.path)
    try:
        yield
    finally:
        sys.path[:] = places
        for name in set(sys.modules) - modules:
            file = Path(getattr(sys.modules[name], "__file__", None) or "/")
            if file.is_relative_to(folder):
                del sys.modules[name]
