"""Pictures and videos of a frame's result: mask files, overlay video, soft labels, cut-outs.

Shape letters: O objects + background, h w patches, H W pixels.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from vos.masks.io import write_mask
from vos.masks.palette import DAVIS_PALETTE
from vos.masks.soft_labels import cut_out, write_alpha_png, write_soft_npz, write_soft_pngs
from vos.segmentation.sinks.result import Result
from vos.video.writer import VideoWriter
from vos.visualization.overlay import draw_mark, draw_overlay


class MaskFiles:
    """Indexed PNG files, one a frame."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        """Return the file of a frame."""
        return self.folder / f"{name}.png"

    def write(self, result: Result) -> None:
        """Write the mask."""
        write_mask(self.path(result.frame.name), result.ids)


class OverlayVideo:
    """The masks drawn over the frames; those of unsure objects are marked on request.

    Args:
        writer: the video.
        show_ids: write each object's id.
        hold_stride: the stride of the frames where some were dropped; the picture before those is
            written again in their places.
        mark_unsure: name the objects whose confidence is below it; None for none.
        palette: (256, 3) uint8 RGB, the colour of each id.
    """

    def __init__(
        self,
        writer: VideoWriter,
        show_ids: bool,
        hold_stride: int | None = None,
        *,
        mark_unsure: float | None = None,
        palette: np.ndarray = DAVIS_PALETTE,
    ) -> None:
        self.writer = writer
        self.palette = palette
        self.show_ids = show_ids
        self.hold_stride = hold_stride
        self.mark_unsure = mark_unsure
        self._last: tuple[int, np.ndarray] | None = None

    def write(self, result: Result) -> None:
        """Draw and encode a frame."""
        frame = result.frame
        if self.hold_stride and self._last is not None:
            index, picture = self._last
            for _ in range((frame.index - index) // self.hold_stride - 1):
                self.writer.write(picture)
        drawn = draw_overlay(frame.image, result.ids, labels=self.show_ids, palette=self.palette)
        if text := self._unsure(result):
            drawn = draw_mark(drawn, text)
        self.writer.write(drawn, pixel_aspect=frame.pixel_aspect)
        if self.hold_stride:
            self._last = (frame.index, drawn)

    def _unsure(self, result: Result) -> str:
        """Name the objects whose confidence is below the mark."""
        if self.mark_unsure is None:
            return ""
        return ", ".join(
            f"{object_id} absent ({c.confidence:.2f})"
            if c.absent
            else f"{object_id} unsure ({c.confidence:.2f})"
            for object_id, c in sorted(result.confidence.items())
            if c.confidence < self.mark_unsure
        )


class SoftFiles:
    """Soft labels, brought to the frame's size."""

    def __init__(self, folder: Path, form: str) -> None:
        self.folder = folder
        self.form = form

    def write(self, result: Result) -> None:
        """Write a frame's soft labels; a frame before the first prompt has none."""
        if result.soft is None:
            return
        height, width = result.ids.shape
        # (O, h, w) -> (O, H, W)
        labels = np.stack([cv2.resize(c, (width, height)) for c in result.soft]).clip(0, 1)
        if self.form == "npz":
            path = self.folder / f"{result.frame.name}.npz"
            write_soft_npz(path, labels, result.objects)
        else:
            write_soft_pngs(self.folder, result.frame.name, labels, result.objects)


class CutOuts:
    """The objects on transparent ground, as PNG files or as a video."""

    def __init__(self, folder: Path, writer: VideoWriter | None) -> None:
        self.folder = folder
        self.writer = writer

    def write(self, result: Result) -> None:
        """Write a frame's cut-out."""
        picture = cut_out(result.frame.image, result.ids > 0)
        if self.writer is not None:
            self.writer.write(picture, pixel_aspect=result.frame.pixel_aspect)
        else:
            write_alpha_png(self.folder / f"{result.frame.name}.png", picture)
