"""The demo clip as a folder of pictures, made at its first use."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path


def demo_folder(data: Path) -> Path:
    """Return the folder of the demo clip's frames; they are made when it is not there.

    Args:
        data: the folder that holds it.

    Raises:
        OSError: it cannot be written.
    """
    folder = data / "demo" / "demo clip"
    if folder.is_dir():
        return folder
    from vos.datasets.demo_clip import demo_frames
    from vos.files import write_png

    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".making-"))
    try:
        for number, (image, _) in enumerate(demo_frames()):
            write_png(beside / f"{number:05d}.png", image, level=1)
        _put_in_place(beside, folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return folder


def _put_in_place(beside: Path, folder: Path) -> None:
    try:
        beside.rename(folder)
    except OSError:
        if not folder.is_dir():  # or else another process made it meanwhile
            raise
