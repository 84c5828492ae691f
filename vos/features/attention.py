"""What the class token attends to (Caron et al. 2021, Figures 1, 3 and 4).

The softmax weights of the last block's class-token query over the patch keys, one map a head;
and of each head's map the patches that carry most of its weight.

Shapes: H W pixels, h w patches, N = h * w.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from vos.backbones.backbone import Backbone
from vos.errors import InputError
from vos.video.filters import SQUARE
from vos.video.reader import FrameReader
from vos.video.writer import VideoWriter
from vos.visualization.overlay import draw_heatmap, draw_overlay
from vos.visualization.sheets import contact_sheet

MEAN = "mean"
"""Name of the map that is the mean of all heads."""


_PICTURE_FPS = 24
"""Frame rate of videos made of a folder of pictures, which has none: DAVIS's."""


_SHEET_COLUMNS = 4


def top_mass(attention: Tensor, mass: float) -> Tensor:
    """Mark the patches that carry the given share of the attention, the strongest first.

    The patches in rising order are summed up; those at which the sum is above 1 - mass are kept,
    so the patch that crosses the border is in.

    Args:
        attention: (..., N) float, not negative; each row is divided by its own sum.
        mass: share to keep, above 0 and at most 1.

    Returns:
        (..., N) bool.

    Raises:
        InputError: `mass` is out of its range.
    """
    if not 0 < mass <= 1:
        raise InputError(f"attention mass is {mass}; expected a share above 0 and at most 1")
    rising, order = attention.sort(dim=-1)
    shares = rising / rising.sum(dim=-1, keepdim=True)
    kept = shares.cumsum(dim=-1) > 1 - mass
    return torch.zeros_like(kept).scatter_(-1, order, kept)


@dataclass(frozen=True)
class AttentionMap:
    """One head's attention over a frame, or the mean of all heads'."""

    name: str
    """`mean`, or `head1`, `head2`, ..."""
    weights: np.ndarray
    """(h, w) float32."""
    mask: np.ndarray
    """(H, W) uint8 at the frame's size: 1 where the patches with most of the weight are."""


class AttentionReader:
    """Reads attention maps of frames from a backbone with a class token.

    Args:
        backbone: a DINO ViT.
        short_side: pixels of the shorter side of what the network sees; 0 keeps the frame's size.
        mass: share of a map's weight that its mask holds.

    Raises:
        InputError: the backbone has no class token to read; `mass` is out of its range.
    """

    def __init__(self, backbone: Backbone, *, short_side: int = 480, mass: float = 0.6) -> None:
        if not backbone.has_class_attention:
            raise InputError(
                f"{backbone.record.name} gives no attention of a class token; use a DINO ViT, "
                "such as --backbone dino_vits8, or --weights with a ViT's checkpoint"
            )
        if not 0 < mass <= 1:
            raise InputError(f"mass is {mass}; expected a share above 0 and at most 1")
        self.backbone = backbone
        self.short_side = short_side
        self.mass = mass

    @torch.inference_mode()
    def read(self, frame: np.ndarray) -> list[AttentionMap]:
        """Return the mean's map, then each head's.

        Args:
            frame: RGB uint8 (H, W, 3).

        Raises:
            InputError: the frame is not RGB uint8, or too small for a patch.
        """
        # A multiple of one patch: the picture's aspect is kept as closely as patches allow.
        image = self.backbone.preprocess(frame, short_side=self.short_side, size_multiple=1)
        heads = self.backbone.class_attention(image)[0].cpu()
        names = [MEAN, *(f"head{i}" for i in range(1, len(heads) + 1))]
        maps = torch.cat([heads.mean(0, keepdim=True), heads])
        kept = top_mass(maps.flatten(1), self.mass)  # (heads + 1, N)
        masks = kept.view_as(maps).numpy().astype(np.uint8)  # (heads + 1, h, w)
        size = (frame.shape[1], frame.shape[0])
        return [
            AttentionMap(name, weights, cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST))
            for name, weights, mask in zip(names, maps.numpy(), masks, strict=True)
        ]


def attention_sheet(
    frame: np.ndarray, maps: list[AttentionMap], *, cell_width: int = 320
) -> np.ndarray:
    """Lay out a frame with its heat maps and, below each, its mask.

    Args:
        frame: RGB uint8 (H, W, 3).
        maps: what `AttentionReader.read` gave for it.
        cell_width: pixels across a picture on the sheet.

    Returns:
        RGB uint8 (H', W', 3).
    """
    heat = [frame, *(draw_heatmap(frame, m.weights) for m in maps)]
    masks = [frame, *(draw_overlay(frame, m.mask) for m in maps)]
    captions = ["frame", *(m.name for m in maps)]
    blank = np.full_like(frame, 255)
    blocks = []
    for start in range(0, len(heat), _SHEET_COLUMNS):
        stop = start + _SHEET_COLUMNS
        missing = max(0, stop - len(heat)) if len(heat) > _SHEET_COLUMNS else 0
        rows = [part[start:stop] + [blank] * missing for part in (heat, masks)]
        names = captions[start:stop] + [""] * missing
        blocks.append(contact_sheet(rows, column_captions=names, cell_width=cell_width))
    return np.concatenate(blocks)


def attention_videos(
    reader: FrameReader,
    attention: AttentionReader,
    out: Path,
    *,
    heads: bool,
    stride: int = 1,
    on_frame: Callable[[int, int | None], None] | None = None,
) -> int:
    """Write `attention.mp4`, the mean's heat map over each frame, into a folder.

    Stopped by Ctrl-C, the videos are whole up to the last frame done.

    Args:
        reader: the frames.
        attention: what reads their maps.
        out: the folder.
        heads: write `heads.mp4` too, the sheet of all heads for each frame.
        stride: every how many frames of the source one was taken.
        on_frame: called with (frames done, frames in all or None).

    Returns:
        How many frames were written.

    Raises:
        InputError: a frame cannot be read or used.
        OSError: a video cannot be written.
    """
    fps = reader.fps / stride if reader.fps else _PICTURE_FPS
    names = ["attention.mp4", "heads.mp4"] if heads else ["attention.mp4"]
    done = 0
    stop: KeyboardInterrupt | None = None
    with ExitStack() as stack:
        writers = [stack.enter_context(VideoWriter(out / name, fps)) for name in names]
        try:
            for frame in reader:
                maps = attention.read(frame.image)
                pictures = [draw_heatmap(frame.image, maps[0].weights)]
                if heads:
                    pictures.append(attention_sheet(frame.image, maps, cell_width=240))
                aspects = (frame.pixel_aspect, SQUARE)  # the sheet has its own size
                for writer, picture, aspect in zip(writers, pictures, aspects, strict=False):
                    writer.write(picture, pixel_aspect=aspect)
                done += 1
                if on_frame is not None:
                    on_frame(done, reader.count)
        except KeyboardInterrupt as interrupt:
            if not done:
                raise
            stop = interrupt  # leaves the block normally: videos stay, up to here
    if stop is not None:
        raise stop
    return done
