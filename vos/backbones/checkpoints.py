"""Safe reading of every checkpoint layout, what a checkpoint holds, and loading it whole.

Layouts (DINO's public code; Caron et al. 2021): a plain state dict of a backbone; a full training
checkpoint, whose `teacher` (or `student`) holds `backbone.*` beside a head, under `module.` if it
was trained in parallel; timm's safetensors. Those of other programs are brought to these by
`vos.backbones.checkpoint_layouts`. A `.pth` file is a pickle and is read with PyTorch's
restricted unpickler alone, so that it cannot run code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import nn

from vos.backbones.checkpoint_layouts.finite import check_finite
from vos.backbones.checkpoint_layouts.names import StateDict, by_timm_names
from vos.backbones.checkpoint_layouts.networks import choose_network, words_of
from vos.backbones.checkpoint_layouts.pickles import first_line, read_pickle
from vos.backbones.checkpoint_layouts.vit_shape import ViTShape, vit_shape
from vos.errors import InputError
from vos.files import sha256_of

__all__ = [
    "Checkpoint", "StateDict", "ViTShape", "backbone_of", "load_checkpoint", "load_strictly",
    "read_file", "vit_shape",
]  # fmt: skip


@dataclass(frozen=True)
class Checkpoint:
    """A backbone's tensors and what the file says of itself."""

    path: Path
    layout: str
    """`plain`, `full` (a training checkpoint) or `safetensors`."""
    state: StateDict = field(repr=False)
    """The backbone's tensors by timm's names, without heads and prefixes."""
    metadata: Mapping[str, str]
    """Text fields of a safetensors header, or `arch` and the like of a training checkpoint."""
    key: str | None = None
    """Which network of a training checkpoint was taken: `teacher` or `student`."""
    names: str = "timm"
    """Whose names the tensors had in the file, see `by_timm_names`."""
    taken: str = ""
    """Key and prefix of the network that was taken; empty where the file is the network."""
    others: tuple[str, ...] = ()
    """Keys and prefixes of the other networks in the file."""

    @property
    def vit(self) -> ViTShape | None:
        """The ViT's shape, or None if the tensors are not a ViT's.

        Raises:
            InputError: a ViT of a kind that the protocol's ViT is not (registers, layer scale).
        """
        return vit_shape(self.state, self.path, self.metadata)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the file, in hexadecimal; computed once."""
        return sha256_of(self.path)

    def with_heads(self, heads: int) -> Checkpoint:
        """Return the same with so many attention heads, whatever the file says."""
        return replace(self, metadata={**self.metadata, "num_heads": str(heads)})

    @property
    def parameters(self) -> int:
        """Number of weights, buffers left out as far as names tell."""
        names = (n for n in self.state if not n.endswith(("running_mean", "running_var")))
        return sum(self.state[n].numel() for n in names if self.state[n].is_floating_point())


def read_file(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint file as it is, without running any code that it carries.

    Args:
        path: `.safetensors`, or a file written by `torch.save`.

    Returns:
        The dictionary that the file holds; tensors are on the CPU.

    Raises:
        InputError: there is no such file, it is damaged, it holds something else than a
            dictionary, or its pickle asks for anything beyond tensors, plain containers,
            settings, numbers and paths.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no checkpoint at {path}; give the path of a .pth or .safetensors file")
    if path.suffix == ".safetensors":
        return dict(_read_safetensors(path)[0])
    loaded = read_pickle(path)
    if not isinstance(loaded, dict):
        raise InputError(
            f"{path} holds a {type(loaded).__name__}; expected a dictionary of tensors "
            "(a state dict) or of a training run"
        )
    return dict(loaded)


def load_checkpoint(path: str | Path, *, key: str = "teacher") -> Checkpoint:
    """Read a backbone from any layout.

    Args:
        path: the file.
        key: which network to take where a file holds several, see `choose_network`.

    Raises:
        InputError: see `read_file`; no backbone's tensors are in it; or some are not finite.
    """
    path = Path(path)
    if path.suffix == ".safetensors" and path.is_file():
        state, metadata = _read_safetensors(path)
        return _checkpoint(state, path, key, metadata)
    return backbone_of(read_file(path), path, key=key)


def backbone_of(raw: dict[str, Any], path: Path, *, key: str = "teacher") -> Checkpoint:
    """Take the backbone out of what `read_file` gave.

    Args:
        raw: the dictionary that the file holds.
        path: the file, for messages.
        key: which network to take where a file holds several, see `choose_network`.

    Raises:
        InputError: no such network, or no backbone's tensors are in it.
    """
    return _checkpoint(raw, path, key)


def load_strictly(network: nn.Module, state: StateDict, name: str, source: str) -> None:
    """Load a backbone's tensors; heads aside, every name and shape must fit.

    Raises:
        InputError: they are weights of another architecture; the message counts what differs.
    """
    own = network.state_dict()
    missing = sorted(set(own) - set(state))
    strange = sorted(set(state) - set(own))
    shapes = [n for n in own if n in state and own[n].shape != state[n].shape]
    if missing or strange or shapes:
        parts = [
            f"{len(names)} {what} (such as {names[0]})"
            for what, names in (
                ("tensors missing", missing),
                ("tensors unknown", strange),
                ("tensors of another shape", shapes),
            )
            if names
        ]
        raise InputError(
            f"{source} holds weights of another architecture than {name}: {', '.join(parts)}"
        )
    network.load_state_dict(state)


def _read_safetensors(path: Path) -> tuple[StateDict, dict[str, str]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt", device="cpu") as handle:
            state = {name: handle.get_tensor(name) for name in handle.keys()}  # noqa: SIM118
            return state, dict(handle.metadata() or {})
    except SafetensorError as error:
        raise InputError(
            f"{path} cannot be read as safetensors ({first_line(error)}); it is damaged or cut "
            "short. Download or copy it again"
        ) from None


def _checkpoint(
    raw: Mapping[str, Any], path: Path, key: str, header: Mapping[str, str] | None = None
) -> Checkpoint:
    network = choose_network(raw, path, key)
    state, names = by_timm_names(network.tensors)
    if not state:
        kinds = ", ".join(sorted(map(str, raw))[:8]) or "nothing"
        raise InputError(f"{path} holds no tensors of a backbone; it holds: {kinds}")
    check_finite(state, path)
    layout = network.layout if header is None else "safetensors"
    words = words_of(raw, network) | dict(header or {})
    taken = network.taken, network.others
    return Checkpoint(path, layout, state, words, network.key, names, *taken)
