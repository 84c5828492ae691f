"""`vos export`: a backbone as ONNX, TorchScript or torch.export."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import tyro

from vos.backbones.export import export_backbone
from vos.backbones.export_formats import SUFFIXES, Format
from vos.backbones.loading import BackboneOptions, load_with_progress
from vos.errors import InputError


@dataclass(frozen=True)
class Export:
    """Write a backbone as a file for other runtimes, with dynamic batch, height and width.

    Input: `images`, normalised RGB (batch, 3, height, width), sides of whole patches. Output:
    `features` (batch, width, rows, columns). Float32. The file is run beside PyTorch on several
    sizes before it gets its name.
    """

    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """File to write: .onnx, .pt (TorchScript) or .pt2 (torch.export)."""
    format: Format
    """onnx (needs onnx, onnxscript and onnxruntime), torchscript or torch-export."""
    backbone: BackboneOptions = field(default_factory=BackboneOptions)
    check: bool = True
    """Run the file beside PyTorch; for ONNX with onnxruntime."""
    overwrite: bool = False
    """Replace the file if it is there."""

    def run(self) -> int:
        """Export, check, and say how large the differences are."""
        if self.out.suffix != SUFFIXES[self.format]:
            raise InputError(
                f"{self.out}: a file of {self.format} ends in {SUFFIXES[self.format]}; give such a "
                "name"
            )
        if self.out.is_dir():
            raise InputError(f"{self.out} is a folder; give a file's name")
        if self.out.exists() and not self.overwrite:
            raise InputError(f"{self.out} is there already; give another name, or --overwrite")
        options = replace(self.backbone, device="cpu", precision="fp32")
        backbone = load_with_progress(options)
        report = export_backbone(backbone, self.out, self.format, check=self.check)
        for shape, difference in report.differences.items():
            size = "x".join(map(str, shape))
            print(f"images {size}: differs from PyTorch by {difference:.1e} of the largest feature")
        if not report.differences:
            print("not checked beside PyTorch")
        told = backbone.describe()
        print(f"normalisation of RGB in 0..1: mean {told['mean']}, std {told['std']}")
        print(f"{self.out}: {backbone.record.name}, a feature each {backbone.stride} pixels")
        return 0
