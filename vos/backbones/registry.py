"""What can be asked for by name: the backbones, and the forms of file they are exported in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vos.errors import InputError

_OFFICIAL = "https://dl.fbaipublicfiles.com/dino"
_HUB = "https://huggingface.co/timm"
Format = Literal["onnx", "torchscript", "torch-export"]
EXPORT_SUFFIXES: dict[Format, str] = {
    "onnx": ".onnx",
    "torchscript": ".pt",
    "torch-export": ".pt2",
}


@dataclass(frozen=True)
class NamedWeights:
    """A backbone that can be asked for by name."""

    name: str
    arch: str
    patch_size: int
    """Pixels a patch, or the stride of a CNN's features."""
    embed_dim: int
    depth: int
    parameters: int
    licence: str
    official: str = ""
    """Stem of the official file; packaged weights have none."""
    hub: str = ""
    """timm's name of the same weights, for the fallback address."""
    packaged: bool = False
    """Whether the weights come inside a package and need no download."""

    @property
    def file_name(self) -> str:
        """Name of the file as it is looked for and stored."""
        return f"{self.official}.pth"

    @property
    def urls(self) -> tuple[str, ...]:
        """Where the file can be had, in order of preference."""
        if self.packaged:
            return ()
        first = f"{_OFFICIAL}/{self.official}/{self.official}.pth"
        return (first, f"{_HUB}/{self.hub}/resolve/main/model.safetensors")


def _vit(name: str, official: str, hub: str, dims: tuple[int, int, int, int]) -> NamedWeights:
    patch, width, depth, parameters = dims
    arch = "vit_small" if width == 384 else "vit_base"
    return NamedWeights(
        name, arch, patch, width, depth, parameters, "Apache-2.0", official, f"{hub}.dino"
    )


REGISTRY: dict[str, NamedWeights] = {
    entry.name: entry
    for entry in (
        _vit("dino_vits16", "dino_deitsmall16_pretrain", "vit_small_patch16_224",
             (16, 384, 12, 21_665_664)),
        _vit("dino_vits8", "dino_deitsmall8_pretrain", "vit_small_patch8_224",
             (8, 384, 12, 21_670_272)),
        _vit("dino_vitb16", "dino_vitbase16_pretrain", "vit_base_patch16_224",
             (16, 768, 12, 85_798_656)),
        _vit("dino_vitb8", "dino_vitbase8_pretrain", "vit_base_patch8_224",
             (8, 768, 12, 85_807_872)),
        NamedWeights("efficientnet_lite0", "tf_efficientnet_lite0", 8, 152, 16, 4_652_008,
                     "Apache-2.0", packaged=True),
    )
}  # fmt: skip
"""Every named backbone. `efficientnet_lite0` comes inside a package and needs no download."""


def named(name: str) -> NamedWeights:
    """Return the registry's entry.

    Raises:
        InputError: no backbone has that name; the message lists those there are.
    """
    if name not in REGISTRY:
        raise InputError(
            f"no backbone is named {name!r}; the names are {', '.join(REGISTRY)}, or timm:NAME "
            "for any model of timm, or FILE.py:FUNCTION, or FILE.onnx, or give --weights FILE"
        )
    return REGISTRY[name]
