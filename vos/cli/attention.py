"""`vos attention`: what the class token attends to, as heat maps and masks."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from vos.backbones.loading import BackboneOptions, load_with_progress
from vos.cli.pytorch import start_pytorch
from vos.errors import InputError
from vos.files import write_png
from vos.runtime.folder_lock import working_folder
from vos.runtime.progress import CountProgress
from vos.video.frame_range import FrameRange, ReadingOptions

if TYPE_CHECKING:
    from vos.features.attention import AttentionReader
    from vos.video.reader import FrameReader


@dataclass(frozen=True)
class AttentionBackbone(BackboneOptions):
    """Which backbone to load, and where to run it: the options of `load_backbone`."""

    heads: Annotated[int | None, tyro.conf.arg(name="num-heads")] = None
    """Attention heads of the network, where the file does not say them. Other verbs call it
    --heads, which asks for a map of each head here."""


@dataclass(frozen=True)
class Attention:
    """Show the [CLS] self-attention of a DINO ViT's last block over a picture or a video.

    A picture gives contact_sheet.png (every head and their mean, as heat maps and as masks of
    the patches that carry most of the attention), and each of them as a file:
    heatmaps/<head>.png and masks/<head>.png. A video or a folder of pictures gives
    attention.mp4, the mean of the heads over each frame.

    Example: vos attention photo.jpg -o out
    """

    source: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="SOURCE")]
    """Picture, video file, folder or pattern of pictures, camera:N, or a stream's address."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder to write to."""
    short_side: int = 480
    """Pixels of the shorter side of what the network sees; 0 keeps the frame's size."""
    mass: float = 0.6
    """Share of the attention that a mask holds."""
    heads: bool = False
    """Of a video, write heads.mp4 too: every head and its mask in each frame."""
    overwrite: bool = False
    """Replace what an earlier call wrote to the output folder."""
    threads: int | None = None
    """Threads that PyTorch computes in on a processor; by default one a core."""
    frames: Annotated[FrameRange, tyro.conf.arg(name="frame")] = field(default_factory=FrameRange)
    reading: ReadingOptions = field(default_factory=ReadingOptions)
    backbone: AttentionBackbone = field(default_factory=AttentionBackbone)

    def run(self) -> int:
        """Draw the attention and say where it is."""
        self._check_folder()
        start_pytorch(self.threads)
        from vos.features.attention import AttentionReader
        from vos.video.reader import open_frames

        with (
            working_folder(self.out),
            open_frames(self.source, **asdict(self.frames), reading=self.reading) as reader,
        ):
            attention = AttentionReader(
                load_with_progress(self.backbone), short_side=self.short_side, mass=self.mass
            )
            if reader.kind == "image":
                self._picture(reader, attention)
            else:
                self._video(reader, attention)
        return 0

    def _check_folder(self) -> None:
        names = ("contact_sheet.png", "attention.mp4", "heads.mp4", "heatmaps", "masks")
        present = [name for name in names if (self.out / name).exists()]
        if present and not self.overwrite:
            raise InputError(
                f"{self.out} holds {', '.join(present)} already; replace them (--overwrite), or "
                "give another folder"
            )
        if self.out.exists() and not self.out.is_dir():
            raise InputError(f"{self.out} is a file; give a folder to write to")

    def _picture(self, reader: FrameReader, attention: AttentionReader) -> None:
        from vos.features.attention import attention_sheet
        from vos.masks.io import write_mask
        from vos.visualization.overlay import draw_heatmap

        frame = next(reader).image
        maps = attention.read(frame)
        for head in maps:
            heat = draw_heatmap(frame, head.weights)
            write_png(self.out / "heatmaps" / f"{head.name}.png", heat)
            write_mask(self.out / "masks" / f"{head.name}.png", head.mask)
        sheet = self.out / "contact_sheet.png"
        write_png(sheet, attention_sheet(frame, maps))
        h, w = maps[0].weights.shape
        print(f"{len(maps) - 1} heads over {w}x{h} patches of {attention.backbone.record.name}")
        print(f"contact sheet: {sheet}\nheat maps: {self.out / 'heatmaps'}")
        print(f"masks of {self.mass:.0%} of the attention: {self.out / 'masks'}")

    def _video(self, reader: FrameReader, attention: AttentionReader) -> None:
        from vos.features.attention import attention_videos

        with ExitStack() as stack:
            count = attention_videos(
                reader,
                attention,
                self.out,
                heads=self.heads,
                stride=self.frames.stride,
                on_frame=CountProgress(stack, "attention"),
            )
        print(f"{count} frames with {attention.backbone.record.name}")
        print(f"video: {self.out / 'attention.mp4'}")
        if self.heads:
            print(f"heads: {self.out / 'heads.mp4'}")
