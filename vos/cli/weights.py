"""`vos weights`: list, download, inspect and verify weights."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from vos.backbones.registry import REGISTRY, NamedWeights
from vos.errors import InputError

if TYPE_CHECKING:
    from vos.backbones.checkpoints import Checkpoint

_NAMES = ", ".join(REGISTRY)
_Name = Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NAME")]
_NameOrFile = Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NAME|FILE")]


@dataclass(frozen=True)
class ListWeights:
    """List the named backbones, and where their files are.

    Example: vos weights list
    """

    weights_dir: Path | None = None
    """Folder to look in first."""

    def run(self) -> int:
        """Print a line a backbone."""
        from vos.backbones.weights import search_path

        print(f"{'name':<20}{'patch':>6}{'width':>7}{'parameters':>12}  {'licence':<12}file")
        for entry in REGISTRY.values():
            path = _present_file(entry, self.weights_dir)
            print(
                f"{entry.name:<20}{entry.patch_size:>6}{entry.embed_dim:>7}"
                f"{entry.parameters / 1e6:>10.1f} M  {entry.licence:<12}{path or 'not here'}"
            )
        print("looked in: " + ", ".join(map(str, search_path(self.weights_dir))))
        return 0


@dataclass(frozen=True)
class DownloadWeights:
    """Download named weights, check them, and keep them.

    Example: vos weights download dino_vits8
    """

    name: _Name
    """Name of the backbone, as in vos weights list."""
    weights_dir: Path | None = None
    """Folder to put the file into; by default VOS_WEIGHTS or the cache."""

    def run(self) -> int:
        """Download unless the file is there already."""
        if self.name not in REGISTRY:
            raise InputError(
                f"no backbone is named {self.name!r}; the names are {_NAMES}. timm's own weights "
                "are downloaded when such a backbone is first used"
            )
        from vos.backbones.loading import DownloadBar
        from vos.backbones.weights import download_weights, packaged_file

        entry = REGISTRY[self.name]
        path = packaged_file() if entry.packaged else _present_file(entry, self.weights_dir)
        if path is not None:
            print(f"{path} is there already")
            return 0
        with ExitStack() as stack:
            print(download_weights(self.name, self.weights_dir, progress=DownloadBar(stack)))
        return 0


@dataclass(frozen=True)
class InfoWeights:
    """Say what named weights or a checkpoint file hold.

    Example: vos weights info dino_vits8.pth
    """

    source: _NameOrFile
    """Name of a backbone, or a .pth or .safetensors file of any layout."""
    weights_dir: Path | None = None
    """Folder to look in first for named weights."""
    checkpoint_key: str = "teacher"
    """Which network to look at where a file holds several: any key of the file, or a prefix."""

    def run(self) -> int:
        """Print layout, architecture, size and hash."""
        path = _file_of(self.source, self.weights_dir)
        from vos.backbones.checkpoints import load_checkpoint

        checkpoint = load_checkpoint(path, key=self.checkpoint_key)
        print(f"file: {path} ({path.stat().st_size / 1e6:.1f} MB)")
        print(f"layout: {_layout_text(checkpoint)}")
        print(f"architecture: {_architecture_text(checkpoint)}")
        print(f"parameters: {checkpoint.parameters:,} in {len(checkpoint.state)} tensors")
        print(f"sha256: {checkpoint.sha256}")
        for key, value in sorted(checkpoint.metadata.items()):
            print(f"  {key}: {value}")
        return 0


@dataclass(frozen=True)
class VerifyWeights:
    """Check that weights are what they should be: tensors, shapes, recorded hash.

    A file is checked against the hash recorded beside it, if there is one, and against the
    backbone that it is named after, if it is a known one.

    Example: vos weights verify dino_vits8
    """

    source: _NameOrFile
    """Name of a backbone, or a .pth or .safetensors file."""
    weights_dir: Path | None = None
    """Folder to look in first for named weights."""

    def run(self) -> int:
        """Verify, and print the hash."""
        path = _file_of(self.source, self.weights_dir)
        from vos.backbones.weights import entry_of, has_recorded_hash, verify_file

        entry = REGISTRY.get(self.source) or entry_of(path)
        digest = verify_file(path, entry)
        if entry is None and not has_recorded_hash(path):
            print(f"{path}: readable; there is no recorded hash and no known name to check against")
            print(f"sha256 {digest}")
        else:
            print(f"{path}: good, sha256 {digest}")
        return 0


@dataclass(frozen=True)
class Weights:
    """List, download, inspect and verify weights.

    Example: vos weights list
    """

    action: (
        Annotated[ListWeights, tyro.conf.subcommand("list")]
        | Annotated[DownloadWeights, tyro.conf.subcommand("download")]
        | Annotated[InfoWeights, tyro.conf.subcommand("info")]
        | Annotated[VerifyWeights, tyro.conf.subcommand("verify")]
    )

    def run(self) -> int:
        """Do what was asked."""
        return self.action.run()


def _layout_text(checkpoint: Checkpoint) -> str:
    """Return in words how the file holds the network, which it is, and which others there are."""
    parts = [checkpoint.layout]
    if checkpoint.names != "timm":
        parts.append(f"names of {checkpoint.names}")
    if checkpoint.key:
        parts.append(f"{checkpoint.key} network")
    elif checkpoint.taken:
        parts.append(f"taken: {checkpoint.taken}")
    if checkpoint.others:
        others = ", ".join(checkpoint.others)
        parts.append(f"not taken: {others} (--checkpoint-key takes another)")
    return ", ".join(parts)


def _architecture_text(checkpoint: Checkpoint) -> str:
    """Return the architecture in words; of a ViT, whether its heads are known or assumed."""
    from vos.backbones.checkpoint_layouts.names import timm_model

    known = timm_model(checkpoint.state)
    if known is not None:
        return f"ViT, built by timm: timm:{known}"
    shape = checkpoint.vit
    if shape is None:
        arch = checkpoint.metadata.get("arch")
        return f"not a ViT; the file {f'says {arch}' if arch else 'does not say which'}"
    text = (
        f"ViT, patch {shape.patch_size}, width {shape.embed_dim}, "
        f"{shape.depth} blocks, {shape.num_heads} heads, {shape.in_chans} channels, "
        f"position embeddings {shape.grid}x{shape.grid}"
    )
    if shape.heads_assumed:
        text += "\nheads: assumed, width / 64; the file does not say. --heads gives another number"
    return text


def _file_of(source: str, weights_dir: Path | None) -> Path:
    """Return the file of a backbone's name, or the file itself.

    Raises:
        InputError: it is neither a name nor a file, or that backbone's file is not here.
    """
    if source not in REGISTRY:
        if not Path(source).is_file():
            raise InputError(
                f"{source} is neither a file nor the name of a backbone ({_NAMES}); give one of "
                "these, or the path of a .pth or .safetensors file"
            )
        return Path(source)
    from vos.backbones.weights import locate, packaged_file, search_path

    entry = REGISTRY[source]
    path = packaged_file() if entry.packaged else locate(entry, weights_dir)
    if path is None:
        folders = ", ".join(map(str, search_path(weights_dir)))
        raise InputError(
            f"{source} is not here (looked in {folders}); run: vos weights download {source}, "
            "or give the path of a file"
        )
    return path


def _present_file(entry: NamedWeights, weights_dir: Path | None) -> Path | None:
    from vos.backbones.weights import locate, packaged_file

    if not entry.packaged:
        return locate(entry, weights_dir)
    try:
        return packaged_file()
    except InputError:
        return None
