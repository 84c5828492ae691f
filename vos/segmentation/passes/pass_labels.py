"""What the backward pass of a run gives, kept on disk until the forward pass takes it.

Shapes: C = 1 + objects, background first; h w patches; H W pixels.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vos.errors import InputError
from vos.files import atomic_path, write_json
from vos.propagation.snapshot import Snapshot, load_snapshot, save_snapshot


@dataclass(frozen=True)
class FrameLabels:
    """The outcome of one pass, or of both, for a frame."""

    labels: Tensor | None
    """(C, h, w) float32; None where nothing is known of the frame."""
    objects: tuple[int, ...]
    """The ids of channels 1, 2, and so on."""
    mask: NDArray[np.uint8] | None
    """(H, W) of ids; None where the labels alone are kept."""

    def channel(self, object_id: int) -> Tensor | None:
        """Return an object's labels (h, w), None where the pass does not know the object."""
        if self.labels is None or object_id not in self.objects:
            return None
        return self.labels[1 + self.objects.index(object_id)]


class PassFolder:
    """The labels of a pass by frame, its state, and whether it is complete.

    A file of labels is there as a whole or not at all. Labels are kept as they are, in float32,
    so that masks made of them are those of an undivided run.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._state = folder / "state.safetensors"
        self._end = folder / "complete.json"

    def write(self, index: int, result: FrameLabels) -> None:
        """Keep a frame's labels.

        Raises:
            OSError: they cannot be written.
        """
        assert result.labels is not None
        mask = np.zeros((0, 0), np.uint8) if result.mask is None else result.mask
        with atomic_path(self._file(index)) as beside, beside.open("wb") as handle:
            np.savez_compressed(
                handle,
                labels=result.labels.float().cpu().numpy(),
                objects=np.array(result.objects, np.uint8),
                mask=mask,
            )

    def read(self, index: int) -> FrameLabels:
        """Return a frame's labels, on the processor.

        Raises:
            InputError: they are missing or damaged.
        """
        path = self._file(index)
        try:
            with np.load(path, allow_pickle=False) as archive:
                return FrameLabels(
                    torch.from_numpy(archive["labels"]),
                    tuple(int(i) for i in archive["objects"]),
                    mask if (mask := archive["mask"]).size else None,
                )
        except (OSError, ValueError, KeyError, AttributeError, EOFError, zipfile.BadZipFile) as e:
            raise InputError(
                f"{path}: the labels of the backward pass for frame {index} cannot be read ({e}); "
                "start again with --overwrite"
            ) from None

    def save_state(self, snapshot: Snapshot) -> None:
        """Save where the pass is; all labels up to there have been written.

        Raises:
            OSError: it cannot be written.
        """
        save_snapshot(self._state, snapshot)

    def state(self) -> Snapshot | None:
        """Return where a stopped pass goes on, None at its beginning."""
        return load_snapshot(self._state) if self._state.is_file() else None

    def complete(self, frames: int) -> None:
        """Note that the pass went through all of its frames.

        Raises:
            OSError: it cannot be written.
        """
        write_json(self._end, {"frames": frames})

    @property
    def is_complete(self) -> bool:
        """Whether the pass went through all of its frames."""
        return self._end.is_file()

    @property
    def frames(self) -> int:
        """How many frames a complete pass went through.

        Raises:
            InputError: the note of it is damaged.
        """
        try:
            return int(json.loads(self._end.read_text(encoding="utf-8"))["frames"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{self._end} cannot be read ({error}); start again with --overwrite"
            ) from None

    def remove(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _file(self, index: int) -> Path:
        return self.folder / f"{index:05d}.npz"
