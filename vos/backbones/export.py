"""Backbones as files for other runtimes: ONNX, TorchScript, torch.export.

The network takes normalised images (B, 3, H, W), sides of any whole patches, and gives features
(B, D, h, w). Each file is run beside PyTorch on several sizes before it gets its name.

Shapes: B batch, D width, H W pixels, h w patches, n side of the learned grid.
"""

from __future__ import annotations

import copy
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vos.backbones.adapters.onnx_file import OnnxBackbone, OnnxMetadata
from vos.backbones.backbone import Backbone
from vos.backbones.networks.efficientnet import pad_same
from vos.backbones.networks.vit import VisionTransformer
from vos.backbones.registry import Format
from vos.errors import InputError
from vos.files import atomic_path

_CUBIC = -0.75  # PyTorch's coefficient of bicubic interpolation
_GRID_OFFSET = 0.1  # as in `vos.backbones.networks.vit.position_embedding`
_EXAMPLE = (2, 4, 6)  # images, rows and columns of patches
_CHECKED = (_EXAMPLE, (1, 7, 3), (3, 14, 14), (1, 5, 16))
_TOLERANCE = 1e-3
_Run = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class ExportReport:
    """What was written, and how far it is from PyTorch."""

    path: Path
    differences: dict[tuple[int, ...], float]
    """Largest difference, as a share of the largest feature, by input shape; empty if unchecked."""


def export_backbone(
    backbone: Backbone, out: str | Path, form: Format, *, check: bool = True
) -> ExportReport:
    """Write a backbone to a file, with dynamic batch, height and width, in float32.

    Args:
        backbone: any backbone, on the CPU, in float32.
        out: the file.
        form: `onnx` (needs onnx and onnxscript), `torchscript` or `torch-export`.
        check: run the file beside PyTorch, for ONNX with onnxruntime.

    Raises:
        InputError: the backbone is not on the CPU in float32, a package is missing, the network
            cannot be exported so, or the file gives other features than PyTorch. Nothing is
            written then.
    """
    if backbone.device.type != "cpu" or backbone.dtype != torch.float32:
        raise InputError("a backbone is exported on the CPU in float32; load it with these")
    _require(("onnx", "onnxscript") if form == "onnx" else ())
    _require(("onnxruntime",) if form == "onnx" and check else ())
    if isinstance(backbone, OnnxBackbone):
        raise InputError(f"{backbone.record.source} is an exported file already; copy it")
    network = exportable(backbone)
    with atomic_path(out) as beside, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporters' own: what matters is checked
        try:
            _WRITERS[form](network, example_images(backbone, _EXAMPLE), _sides(backbone), beside)
        except Exception as error:
            lines = str(error).splitlines()
            raise InputError(
                f"{backbone.record.name} cannot be exported as {form} with dynamic sizes "
                f"({type(error).__name__}: {lines[0][:200] if lines else ''})"
            ) from error
        if form == "onnx":
            _add_metadata(beside, OnnxMetadata.of(backbone))
        differences = _check(backbone, _READERS[form](beside), form) if check else {}
    return ExportReport(Path(out), differences)


def exportable(backbone: Backbone) -> nn.Module:
    """Return a network that exporters can follow: normalised images in, features out."""
    if isinstance(backbone.network, VisionTransformer):
        return ExportableViT(backbone.network).eval()
    return _FeatureNetwork(backbone).eval()


def example_images(backbone: Backbone, shape: tuple[int, int, int]) -> Tensor:
    """Return random images (B, C, H, W) of so many images, rows and columns of patches."""
    batch, rows, columns = shape
    generator = torch.Generator().manual_seed(0)
    sides = (rows * backbone.stride, columns * backbone.stride)
    return torch.randn(batch, backbone.channels, *sides, generator=generator)


class ExportableViT(nn.Module):
    """DINO's ViT without sizes that depend on Python: position embeddings by two small matrices."""

    def __init__(self, network: VisionTransformer) -> None:
        super().__init__()
        self.project = network.patch_embed.proj
        self.cls_token, self.prefix = network.cls_token, network.prefix
        self.registers = network.registers
        self.norm, self.blocks = network.norm, network.blocks
        side = round((network.pos_embed.shape[1] - 1) ** 0.5)
        self.side, self.width = side, network.pos_embed.shape[2]
        self.register_buffer("class_position", network.pos_embed[:, :1].detach())
        learned = network.pos_embed[:, 1:].detach()  # (1, n * n, D)
        grid = learned.reshape(side, side * self.width)  # (n, n * D)
        self.register_buffer("grid_position", grid)

    def forward(self, images: Tensor) -> Tensor:
        """Return features (B, D, h, w) of normalised images (B, 3, H, W)."""
        patches = self.project(images)
        position = self._position(patches)
        tokens = patches.flatten(2).transpose(1, 2) + position  # (B, h * w, D)
        class_token = self.cls_token + cast("Tensor", self.class_position)
        first = class_token
        if self.registers is not None:
            first = torch.cat([class_token, self.registers], dim=1)
        x = torch.cat([first.expand(patches.shape[0], -1, -1), tokens], dim=1)
        for block in self.blocks:
            x = block(x)
        features = self.norm(x)[:, self.prefix :].transpose(1, 2)  # (B, D, h * w)
        return features.reshape(patches.shape)  # (B, D, h, w)

    def _position(self, patches: Tensor) -> Tensor:
        """Return the position embeddings (1, h * w, D) for a map of patches (B, D, h, w)."""
        down = torch.ones_like(patches[0, 0, :, 0]).cumsum(0)
        across = torch.ones_like(patches[0, 0, 0, :]).cumsum(0)
        learned = (down[-1] == self.side) & (across[-1] == self.side)
        rows = cubic_matrix(down, self.side, learned)
        columns = cubic_matrix(across, self.side, learned)
        tall = rows @ cast("Tensor", self.grid_position)  # (h, n * D)
        tall = tall.reshape(-1, self.side, self.width)  # (h, n, D)
        return (columns @ tall).reshape(1, -1, self.width)  # (h, w, D) -> (1, h * w, D)


def cubic_matrix(count: Tensor, side: int, learned: Tensor) -> Tensor:
    """Return the matrix of bicubic interpolation along one axis, by DINO's rule of scale.

    Args:
        count: (h,) the numbers 1 to h as floats; a tensor, so that h may change.
        side: n, the entries that are interpolated.
        learned: whether the grid is the learned one, which stays untouched.

    Returns:
        (h, n).
    """
    scale = torch.where(learned, torch.ones_like(count[-1]), side / (count[-1] + _GRID_OFFSET))
    source = (count - 0.5) * scale - 0.5
    whole = source.floor()
    shift = (source - whole)[:, None]
    distance = torch.cat([1 + shift, shift, 1 - shift, 2 - shift], dim=1)
    near = ((_CUBIC + 2) * distance - (_CUBIC + 3)) * distance * distance + 1
    far = ((_CUBIC * distance - 5 * _CUBIC) * distance + 8 * _CUBIC) * distance - 4 * _CUBIC
    weights = torch.where(distance <= 1, near, far)
    taps = torch.arange(-1, 3, dtype=count.dtype)
    places = (whole[:, None] + taps).clamp(0, side - 1)
    entries = torch.arange(side, dtype=count.dtype)
    return (weights[..., None] * (places[..., None] == entries)).sum(1)


class _FeatureNetwork(nn.Module):
    """Any other backbone, with paddings that exporters can follow."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = copy.deepcopy(backbone)
        if "timm" in sys.modules:  # without it no layer is timm's
            _replace_same_convs(self.backbone)

    def forward(self, images: Tensor) -> Tensor:
        ((features, _),) = self.backbone.block_features(images, [self.backbone.depth - 1])
        return features


def _replace_same_convs(network: nn.Module) -> None:
    """Give timm's convolutions with TensorFlow's padding one that exporters can follow."""
    from timm.layers import Conv2dSame

    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, Conv2dSame) and _spans_its_stride(child):
                setattr(module, name, _SameConv(child))


def _spans_its_stride(conv: nn.Conv2d) -> bool:
    """Whether no pixel lies between two places of the kernel."""
    sides = zip(conv.kernel_size, conv.dilation, conv.stride, strict=True)
    return all((kernel - 1) * dilation + 1 >= stride for kernel, dilation, stride in sides)


class _SameConv(nn.Module):
    """TensorFlow's padding in whole numbers; timm's rounds floats, which files cannot hold."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, x: Tensor) -> Tensor:
        conv, padded = self.conv, pad_same(x, self.conv)
        return F.conv2d(padded, conv.weight, conv.bias, conv.stride, 0, conv.dilation, conv.groups)


def _sides(backbone: Backbone) -> dict[str, Any]:
    """Return how the input may change: whole patches of a ViT, any sides of a CNN."""
    if not backbone.needs_whole_patches:
        dynamic = torch.export.Dim.DYNAMIC  # multiples of a stride take the solver very long here
        return {"images": {0: torch.export.Dim("batch"), 2: dynamic, 3: dynamic}}
    dims = [torch.export.Dim(name, min=2) * backbone.stride for name in ("rows", "columns")]
    return {"images": {0: torch.export.Dim("batch"), 2: dims[0], 3: dims[1]}}


def _write_torchscript(
    network: nn.Module, images: Tensor, _sides: dict[str, Any], path: Path
) -> None:
    with torch.no_grad():
        torch.jit.trace(network, (images,), check_trace=False).save(str(path))


def _write_torch_export(
    network: nn.Module, images: Tensor, sides: dict[str, Any], path: Path
) -> None:
    with torch.no_grad():
        program = torch.export.export(network, (images,), dynamic_shapes=sides)
    torch.export.save(program, path)


def _write_onnx(network: nn.Module, images: Tensor, sides: dict[str, Any], path: Path) -> None:
    torch.onnx.export(
        network,
        (images,),
        str(path),
        dynamo=True,
        external_data=False,
        input_names=["images"],
        output_names=["features"],
        dynamic_shapes=sides,
        verbose=False,
    )


def _add_metadata(path: Path, about: OnnxMetadata) -> None:
    """Write into a file what frames need; see `vos.backbones.adapters.onnx_file`."""
    import onnx

    model = onnx.load(str(path))
    onnx.helper.set_model_props(model, about.properties())
    onnx.save(model, str(path))


def _read_torchscript(path: Path) -> _Run:
    loaded: _Run = torch.jit.load(str(path))
    return loaded


def _read_torch_export(path: Path) -> _Run:
    loaded: _Run = torch.export.load(path).module()
    return loaded


def _read_onnx(path: Path) -> _Run:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda images: torch.from_numpy(session.run(None, {"images": images.numpy()})[0])


_WRITERS = {
    "onnx": _write_onnx, "torchscript": _write_torchscript, "torch-export": _write_torch_export,
}  # fmt: skip
_READERS = {
    "onnx": _read_onnx, "torchscript": _read_torchscript, "torch-export": _read_torch_export,
}  # fmt: skip


@torch.no_grad()
def _check(backbone: Backbone, run: _Run, form: Format) -> dict[tuple[int, ...], float]:
    differences = {}
    for shape in _CHECKED:
        images = example_images(backbone, shape)
        ((expected, _),) = backbone.block_features(images, [backbone.depth - 1])
        try:
            exported = run(images)
        except Exception as error:
            raise InputError(
                f"{backbone.record.name} as {form} does not take images of {tuple(images.shape)} "
                f"({type(error).__name__}); it cannot be exported so with dynamic sizes"
            ) from error
        same = exported.shape == expected.shape
        largest = float((exported - expected).abs().max() / expected.abs().max()) if same else 1.0
        if largest > _TOLERANCE:
            raise InputError(
                f"{backbone.record.name} as {form} gives other features than PyTorch for images of "
                f"{tuple(images.shape)}: they differ by {largest:.2g} of the largest; nothing was "
                "written"
            )
        differences[tuple(images.shape)] = largest
    return differences


def _require(packages: tuple[str, ...]) -> None:
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise InputError(
            f"this needs {' and '.join(missing)}, which are not installed; install them with "
            f"pip install {' '.join(missing)}, or use another format"
        )
