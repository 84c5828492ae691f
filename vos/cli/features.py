"""`vos features`: the features of pictures or a video, as a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from vos.backbones.loading import BackboneOptions, load_with_progress
from vos.cli.pytorch import start_pytorch
from vos.features.request import FeatureRequest, check_target
from vos.runtime.progress import progress
from vos.video.frame_range import FrameRange, ReadingOptions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Features:
    """Write the features of pictures or a video to a file.

    FILE.npz and FILE.safetensors hold `patches` (frames, D, h, w), or (frames, layers, D, h, w)
    with several --layers, in their order; with --class-token also `class_token` (frames, D) or
    (frames, layers, D); and the frames' names. A name without an ending is a
    folder with <frame>.npz for each frame, without the first axis; a stopped run goes on in it.

    Example: vos features photos -o features.npz --backbone dino_vits8
    """

    source: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="SOURCE")]
    """Picture, folder or pattern of pictures, video file, camera:N, or a stream's address."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """FILE.npz, FILE.safetensors, or a folder."""
    overwrite: bool = False
    """Replace what is there."""
    threads: int | None = None
    """Threads that PyTorch computes in on a processor; by default one a core."""
    request: Annotated[FeatureRequest, tyro.conf.arg(name="feature")] = field(
        default_factory=FeatureRequest
    )
    frames: Annotated[FrameRange, tyro.conf.arg(name="frame")] = field(default_factory=FrameRange)
    reading: ReadingOptions = field(default_factory=ReadingOptions)
    backbone: BackboneOptions = field(default_factory=BackboneOptions)

    def run(self) -> int:
        """Compute and write the features, and say what they are."""
        check_target(self.out)
        start_pytorch(self.threads)
        from vos.features.extraction import add_frame
        from vos.features.writers import open_writer

        with self._frames() as (total, frames):
            backbone = load_with_progress(self.backbone)
            backbone.check_layers(self.request.layers, class_token=self.request.class_token)
            about = {"source": self.source, **self.request.describe(backbone)}
            if self.frames.max_size is not None:  # older files have no such entry
                about["max_size"] = self.frames.max_size
            done = computed = 0
            with (
                open_writer(self.out, about, overwrite=self.overwrite) as writer,
                progress("features", total) as advance,
            ):
                for name, image in frames:
                    computed += add_frame(writer, backbone, name, image, self.request)
                    done += 1
                    advance(note=name)
                writer.finish()
        kept = "" if computed == done else f" ({done - computed} were there already)"
        print(f"{done} frames{kept}, width {backbone.dim}, of {backbone.record.name}: {self.out}")
        return 0

    @contextmanager
    def _frames(self) -> Iterator[tuple[int | None, Iterator[tuple[str, NDArray[np.uint8]]]]]:
        """Open the source; pictures of a folder or pattern may have any sizes."""
        from vos.pictures.levels import SequenceLevels
        from vos.video.images import list_images, read_image, shrink, source_kind
        from vos.video.reader import open_frames

        if source_kind(self.source) in ("folder", "glob"):
            paths = list_images(self.source)
            taken = self.frames.indexes(len(paths), self.source)
            size = self.frames.max_size
            levels = SequenceLevels.of_files(paths)
            images = ((paths[i].stem, shrink(read_image(paths[i], levels), size)) for i in taken)
            yield len(taken), images
            return
        with open_frames(self.source, **asdict(self.frames), reading=self.reading) as reader:
            yield reader.count, ((frame.name, frame.image) for frame in reader)
