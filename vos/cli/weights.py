"""`vos weights`: list, download, inspect and verify weights."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from vos.backbones.checkpoints import load_checkpoint
from vos.backbones.loading import DownloadBar
from vos.backbones.registry import REGISTRY, NamedWeights, named
from vos.backbones.weights import download_weights, locate, packaged_file, search_path, verify_file
from vos.errors import InputError
from vos.files import sha256_of


@dataclass(frozen=True)
class ListWeights:
    """List the named backbones, and where their files are."""

    weights_dir: Path | None = None
    """Folder to look in first."""

    def run(self) -> int:
        """Print a line a backbone."""
        print(f"{'name':<20}{'patch':>6}{'width':>7}{'parameters':>12}  {'licence':<12}file")
        for entry in REGISTRY.values():
            found = _find(entry, self.weights_dir)
            print(
                f"{entry.name:<20}{entry.patch_size:>6}{entry.embed_dim:>7}"
                f"{entry.parameters / 1e6:>10.1f} M  {entry.licence:<12}{found or 'not here'}"
            )
        print("looked in: " + ", ".join(map(str, search_path(self.weights_dir))))
        return 0


@dataclass(frozen=True)
class DownloadWeights:
    """Download named weights, check them, and keep them."""

    name: tyro.conf.Positional[str]
    """Name of the backbone."""
    weights_dir: Path | None = None
    """Folder to put the file into; by default VOS_WEIGHTS or the cache."""

    def run(self) -> int:
        """Download unless the file is there already."""
        entry = named(self.name)
        present = _find(entry, self.weights_dir)
        if present is not None:
            print(f"{present} is there already")
            return 0
        with ExitStack() as stack:
            print(download_weights(self.name, self.weights_dir, progress=DownloadBar(stack)))
        return 0


@dataclass(frozen=True)
class InfoWeights:
    """Say what a checkpoint file holds."""

    file: tyro.conf.Positional[Path]
    """A .pth or .safetensors file of any layout."""

    def run(self) -> int:
        """Print layout, architecture, size and hash."""
        checkpoint = load_checkpoint(self.file)
        shape = checkpoint.vit
        network = f", {checkpoint.key} network" if checkpoint.key else ""
        print(f"file: {self.file} ({self.file.stat().st_size / 1e6:.1f} MB)")
        print(f"layout: {checkpoint.layout}{network}")
        if shape is not None:
            print(
                f"architecture: ViT, patch {shape.patch_size}, width {shape.embed_dim}, "
                f"{shape.depth} blocks, {shape.num_heads} heads, {shape.in_chans} channels, "
                f"position embeddings {shape.grid}x{shape.grid}"
            )
        else:
            print(f"architecture: not a ViT; the file says {checkpoint.metadata.get('arch')}")
        print(f"parameters: {checkpoint.parameters:,} in {len(checkpoint.state)} tensors")
        print(f"sha256: {sha256_of(self.file)}")
        for key, value in sorted(checkpoint.metadata.items()):
            print(f"  {key}: {value}")
        return 0


@dataclass(frozen=True)
class VerifyWeights:
    """Check that named weights are what they should be: tensors, shapes, recorded hash."""

    name: tyro.conf.Positional[str]
    """Name of the backbone."""
    weights_dir: Path | None = None
    """Folder to look in first."""

    def run(self) -> int:
        """Verify, and print the hash."""
        entry = named(self.name)
        path = _find(entry, self.weights_dir)
        if path is None:
            looked = ", ".join(map(str, search_path(self.weights_dir)))
            raise InputError(
                f"{entry.name} is not here (looked in {looked}); run: vos weights download "
                f"{entry.name}"
            )
        print(f"{path}: good, sha256 {verify_file(path, entry)}")
        return 0


@dataclass(frozen=True)
class Weights:
    """List, download, inspect and verify weights."""

    action: (
        Annotated[ListWeights, tyro.conf.subcommand("list")]
        | Annotated[DownloadWeights, tyro.conf.subcommand("download")]
        | Annotated[InfoWeights, tyro.conf.subcommand("info")]
        | Annotated[VerifyWeights, tyro.conf.subcommand("verify")]
    )

    def run(self) -> int:
        """Do what was asked."""
        return self.action.run()


def _find(entry: NamedWeights, weights_dir: Path | None) -> Path | None:
    if not entry.packaged:
        return locate(entry, weights_dir)
    try:
        return packaged_file()
    except InputError:
        return None
