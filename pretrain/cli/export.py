"""`vos-pretrain export`: the backbone of a run, for `vos` and for other programs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from pretrain.config.export_format import Format
from vos.runtime.progress import status


@dataclass(frozen=True)
class Export:
    """Write the backbone of a run's teacher, for `vos`, timm and other tools.

    Example: vos-pretrain export runs/mine -o backbone.safetensors
    """

    run_folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """Folder of the run, or one of its checkpoints."""
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"], metavar="FILE")] = None
    """File to write. None: backbone.safetensors or backbone.pth beside the run's checkpoints."""
    format: Format = "safetensors"
    """safetensors: timm's layout with metadata. pth: the published plain state dict."""
    licence: str = ""
    """Terms of use, written into the metadata."""

    def run(self) -> int:
        """Write the file and return 0."""
        status(f"reading {self.run_folder}")
        from pretrain.training.export import export_backbone

        folder = self.run_folder if self.run_folder.is_dir() else self.run_folder.parent
        target = self.out or folder / f"backbone.{self.format}"
        metadata = export_backbone(self.run_folder, target, self.format, self.licence)
        print(f"wrote {target}: {metadata['arch']}, {metadata['epochs']} epochs")
        return 0
