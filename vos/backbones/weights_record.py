"""Where a backbone's weights came from."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from vos.backbones.checkpoints import Checkpoint

OWN_MODULE = "module"
"""The source, and the layout, of weights that came inside a module of the caller's."""


@dataclass(frozen=True)
class WeightsRecord:
    """Where a backbone's weights came from."""

    name: str
    source: str
    """The file's path, its name inside a package, `timm`, `untrained` or `module`."""
    sha256: str | None
    """Of the file; of the tensors (`network_digest`) where they came inside a module."""
    layout: str
    function: str | None = None
    """The function that made the backbone, as it was given: FILE.py:NAME or PACKAGE.MODULE:NAME."""
    function_sha256: str | None = None
    """Of the function's file."""

    @classmethod
    def of(cls, checkpoint: Checkpoint, name: str, *, source: str | None = None) -> WeightsRecord:
        """Record that a backbone has the weights of a file.

        Args:
            checkpoint: the file.
            name: the backbone's name.
            source: what to call the file; None is its path.
        """
        return cls(name, source or str(checkpoint.path), checkpoint.sha256, checkpoint.layout)

    @classmethod
    def of_module(cls, network: nn.Module, name: str) -> WeightsRecord:
        """Record that a backbone has the weights that a module came with."""
        return cls(name, OWN_MODULE, network_digest(network), OWN_MODULE)

    def as_json(self) -> dict[str, Any]:
        """Return the fields; those of a function are left out where there was none."""
        values = asdict(self)
        if self.function is None:
            del values["function"], values["function_sha256"]
        return values


def network_digest(network: nn.Module, start: bytes = b"") -> str:
    """Return a SHA-256 of a network's tensors, with their names, shapes and dtypes.

    Args:
        network: the network.
        start: what else the digest is of, before the tensors.
    """
    digest = hashlib.sha256(start)
    for name, values in sorted(network.state_dict().items()):
        if not isinstance(values, torch.Tensor):  # what a module keeps by `get_extra_state`
            digest.update(f"{name} {values!r}".encode())
            continue
        flat = values.detach().cpu().contiguous().reshape(-1)  # any shape -> one axis
        digest.update(f"{name} {tuple(values.shape)} {values.dtype}".encode())
        digest.update(flat.view(torch.uint8).numpy().data)
    return digest.hexdigest()
