"""`vos export`: a backbone as ONNX, TorchScript or torch.export."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import tyro

from vos.backbones.loading import BackboneOptions, load_with_progress
from vos.backbones.registry import EXPORT_SUFFIXES, Format
from vos.cli.pytorch import start_pytorch
from vos.errors import InputError
from vos.runtime.progress import status


@dataclass(frozen=True)
class Export:
    """Write a backbone as a file for other runtimes, with dynamic batch, height and width.

    Input: `images`, normalised RGB (batch, 3, height, width), sides of whole patches. Output:
    `features` (batch, width, rows, columns). Float32. The file is run beside PyTorch on several
    sizes before it gets its name.

    Example: vos export -o backbone.onnx --backbone dino_vits8
    """

    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """File to write: .onnx, .pt (TorchScript) or .pt2 (torch.export)."""
    format: Format | None = None
    """onnx (needs onnx, onnxscript and onnxruntime), torchscript or torch-export; by default what
    the file's name ends in."""
    overwrite: bool = False
    """Replace the file if it is there."""
    check: bool = True
    """Run the file beside PyTorch; for ONNX with onnxruntime."""
    threads: int | None = None
    """Threads that PyTorch computes in on a processor; by default one a core."""
    backbone: BackboneOptions = field(default_factory=BackboneOptions)

    def run(self) -> int:
        """Export, check, and say how large the differences are."""
        form = self._format()
        if self.out.is_dir():
            raise InputError(f"{self.out} is a folder; give a file's name")
        if self.out.exists() and not self.overwrite:
            raise InputError(f"{self.out} is there already; give another name, or --overwrite")
        start_pytorch(self.threads)
        from vos.backbones.export import export_backbone

        options = replace(self.backbone, device="cpu", precision="fp32")
        backbone = load_with_progress(options)
        status(f"writing and checking {self.out}" if self.check else f"writing {self.out}")
        report = export_backbone(backbone, self.out, form, check=self.check)
        for shape, difference in report.differences.items():
            size = "x".join(map(str, shape))
            print(f"images {size}: differs from PyTorch by {difference:.1e} of the largest feature")
        if not report.differences:
            print("not checked beside PyTorch")
        about = backbone.describe()
        print(f"normalisation of RGB in 0..1: mean {about['mean']}, std {about['std']}")
        print(f"{self.out}: {backbone.record.name}, a feature each {backbone.stride} pixels")
        return 0

    def _format(self) -> Format:
        """Return the form that is asked for; the name's ending says it, and has to fit it."""
        suffix = self.out.suffix
        by_suffix = {ending: form for form, ending in EXPORT_SUFFIXES.items()}
        if self.format is None and suffix not in by_suffix:
            raise InputError(
                f"{self.out}: the name's ending says no form of export; expected "
                + ", ".join(f"{ending} ({form})" for ending, form in by_suffix.items())
            )
        if self.format is not None and suffix != EXPORT_SUFFIXES[self.format]:
            raise InputError(
                f"{self.out}: a file of {self.format} ends in {EXPORT_SUFFIXES[self.format]}; give "
                "such a name"
            )
        return by_suffix[suffix]
