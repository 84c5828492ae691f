"""Backbones that `vos export` wrote as ONNX, run by onnxruntime: no PyTorch code of the network.

The file's metadata say what frames need: `stride`, `mean`, `std`, `whole_patches` as JSON, `name`.

Shapes: B batch, D width, C channels, H' W' pixels of the network's input, h w patches.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vos.backbones.backbone import Backbone
from vos.backbones.checkpoint_layouts.pickles import first_line
from vos.backbones.weights_record import WeightsRecord
from vos.errors import InputError
from vos.files import sha256_of

_LAYOUT = "onnx"
_TRIAL = (2, 4, 6)  # images, rows and columns of patches
_CHANNELS = (1, 3)


@dataclass(frozen=True)
class OnnxMetadata:
    """What a file says of its network beside the graph."""

    name: str
    stride: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    whole_patches: bool

    @classmethod
    def of(cls, backbone: Backbone) -> OnnxMetadata:
        """Return what a file of this backbone says."""
        return cls(
            backbone.record.name,
            backbone.stride,
            tuple(backbone.mean),
            tuple(backbone.std),
            backbone.needs_whole_patches,
        )

    def properties(self) -> dict[str, str]:
        """Return the texts that are written into the file."""
        return {
            "name": self.name,
            "stride": json.dumps(self.stride),
            "mean": json.dumps(self.mean),
            "std": json.dumps(self.std),
            "whole_patches": json.dumps(self.whole_patches),
        }

    @classmethod
    def read(cls, properties: Mapping[str, str], path: Path) -> OnnxMetadata:
        """Return what the texts of a file say.

        Raises:
            InputError: one is missing, or is nothing of the kind.
        """
        names = ("stride", "mean", "std")
        if missing := [name for name in names if name not in properties]:
            raise InputError(
                f"{path} does not say its {', '.join(missing)}: files that vos export writes hold "
                "them as metadata. Export it again, or add them, each as JSON: stride (pixels from "
                "one feature to the next), mean and std (of RGB in 0..1)"
            )
        try:
            stride, mean, std = (json.loads(properties[name]) for name in names)
            whole = json.loads(properties.get("whole_patches", "true"))
            means, deviations = tuple(map(float, mean)), tuple(map(float, std))
        except (ValueError, TypeError):
            stride, means, deviations, whole = None, (), (), True
        fits = isinstance(stride, int) and stride > 0 and isinstance(whole, bool)
        fits = fits and len(means) in _CHANNELS and len(deviations) == len(means)
        if not fits or not np.isfinite(means + deviations).all() or min(deviations) <= 0:
            given = ", ".join(f"{name} {properties[name]!r}" for name in names)
            raise InputError(
                f"{path} says {given}; expected a whole number of pixels, and three numbers each "
                "(or one for a network of luminance), the std above 0"
            )
        name = properties.get("name") or path.stem
        return cls(name, int(stride), means, deviations, whole)


class OnnxNetwork(nn.Module):
    """An ONNX file as a module: it computes on the processor, in float32, by onnxruntime."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self.sha256 = path, sha256_of(path)
        self.placement = nn.Parameter(torch.empty(0), requires_grad=False)  # device of the features
        self._session = _session(path)
        inputs = self._session.get_inputs()
        kinds = [value.type for value in inputs]
        if kinds != ["tensor(float)"] or len(inputs[0].shape) != 4:
            raise InputError(
                f"{path} takes {len(inputs)} inputs ({', '.join(kinds)}); expected one, float32 "
                "images (B, C, H, W), as vos export writes"
            )
        self._input = inputs[0].name
        self._output = self._session.get_outputs()[0].name

    @property
    def properties(self) -> dict[str, str]:
        """The file's metadata."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    def forward(self, images: Tensor) -> Tensor:
        """Return what the file gives for images (B, C, H', W'), on their device.

        Raises:
            InputError: onnxruntime refuses images of this shape.
        """
        given = {self._input: images.float().cpu().numpy()}
        try:
            (features,) = self._session.run([self._output], given)
        except Exception as error:
            raise InputError(
                f"{self.path} does not take images {tuple(images.shape)}: {first_line(error)}"
            ) from error
        return torch.from_numpy(features).to(images.device)

    def get_extra_state(self) -> str:
        """Return the file's digest, which stands for the weights where they are compared."""
        return self.sha256

    def set_extra_state(self, state: str) -> None:
        """Do nothing: the weights are the file's."""


class OnnxBackbone(Backbone):
    """A backbone in an ONNX file, as `vos export` writes it."""

    computes_in_16_bits = False
    runs_channels_last = False

    def __init__(self, path: str | Path) -> None:
        """Open a file and try it with two small images.

        Args:
            path: a file with one input, float32 images (B, C, H', W'), whose first output is
                features (B, D, h, w), and with the metadata `stride`, `mean` and `std`.

        Raises:
            InputError: onnxruntime is not installed; the file is missing, damaged, without the
                metadata, or gives something else.
        """
        path = Path(path)
        if not path.is_file():
            raise InputError(f"{path}: no such file; expected a backbone that vos export wrote")
        network = OnnxNetwork(path)
        about = OnnxMetadata.read(network.properties, path)
        super().__init__(
            network,
            stride=about.stride,
            dim=_width(network, about),
            mean=about.mean,
            std=about.std,
            record=WeightsRecord(about.name, str(path), network.sha256, _LAYOUT),
        )
        self.needs_whole_patches = about.whole_patches

    def block_features(
        self, images: Tensor, numbers: Sequence[int]
    ) -> list[tuple[Tensor, Tensor | None]]:
        """Compute the one map (B, D, h, w), once for each number."""
        return [(self.network(images), None)] * len(numbers)


def _session(path: Path) -> Any:
    try:
        onnxruntime = importlib.import_module("onnxruntime")
    except ImportError:
        raise InputError(
            f"{path}: running an ONNX file needs onnxruntime, which is not installed: "
            "pip install onnxruntime, or vos-toolkit[export]"
        ) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4  # what it logs of a failure is in the error, too
    try:
        return onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        raise InputError(f"{path} cannot be read as ONNX: {first_line(error)}") from error


def _width(network: OnnxNetwork, about: OnnxMetadata) -> int:
    """Return D, of the features of two small images."""
    batch, rows, columns = _TRIAL
    sides = (rows * about.stride, columns * about.stride)
    features = network(torch.zeros(batch, len(about.mean), *sides))
    shape = tuple(features.shape)
    if len(shape) != 4 or (shape[0], *shape[2:]) != _TRIAL or not features.is_floating_point():
        raise InputError(
            f"{network.path} gives {shape} for {batch} images of {sides[0]}x{sides[1]} pixels; "
            f"with its stride of {about.stride}, expected ({batch}, D, {rows}, {columns})"
        )
    return shape[1]
