"""`vos demo`: the main job on a clip made on the spot, scored against its true masks."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from vos.backbones.loading import BackboneOptions, load_with_progress
from vos.cli.pytorch import start_pytorch
from vos.errors import InputError
from vos.files import write_png
from vos.propagation.config import PropagationConfig
from vos.runtime.progress import CountProgress

if TYPE_CHECKING:
    import numpy as np

    from vos.segmentation.segment import SegmentResult

_SHEET_FRAMES = 5
"""Frames on the contact sheet."""


@dataclass(frozen=True)
class Demo:
    """Make a short clip from public-domain photographs, segment it, score it, show it.

    Objects move, turn, grow and pass behind each other, and their true masks are known. It runs
    on the built-in backbone unless another is given, and needs no network.

    Example: vos demo -o runs/demo
    """

    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("runs/demo")
    """Folder to write to."""
    overwrite: bool = False
    """Replace the run in the output folder."""
    threads: int | None = None
    """Threads that PyTorch computes in on a processor; by default one a core."""
    backbone: BackboneOptions = field(
        default_factory=lambda: BackboneOptions(backbone="efficientnet_lite0")
    )
    propagation: PropagationConfig = field(default_factory=PropagationConfig)

    def run(self) -> int:
        """Make, segment, score and show the clip."""
        start_pytorch(self.threads)
        from vos.datasets.demo_clip import demo_frames
        from vos.evaluation.evaluate import evaluate
        from vos.masks.io import write_mask
        from vos.segmentation.run_folder import MASKS, OVERLAY
        from vos.segmentation.segment import segment_video

        frames, truth, result = (self.out / name for name in ("frames", "truth", "result"))
        self._check_folders(frames, truth, result)
        backbone = load_with_progress(self.backbone)
        clip = list(demo_frames())
        for number, (image, mask) in enumerate(clip):
            write_mask(truth / f"{number:05d}.png", mask)
            write_png(frames / f"{number:05d}.png", image)
        start = time.perf_counter()
        with ExitStack() as stack:
            segmented = segment_video(
                frames,
                truth / "00000.png",
                result,
                backbone=backbone,
                config=self.propagation,
                overwrite=self.overwrite,
                on_frame=CountProgress(stack, "segment"),
            )
        seconds = time.perf_counter() - start
        scores = evaluate(result / MASKS, truth)
        sheet = self.out / "contact_sheet.png"
        write_png(sheet, _sheet(clip, segmented))
        print(
            f"J&F {scores.jf_mean:.3f} (J {scores.j.mean:.3f}, F {scores.f.mean:.3f}) over "
            f"{len(scores.objects)} objects with {backbone.record.name}; "
            f"{segmented.computed / seconds:.2f} frames/s on {backbone.device}"
        )
        print(f"overlay: {result / OVERLAY}\ncontact sheet: {sheet}\nmasks: {result / MASKS}")
        return 0

    def _check_folders(self, frames: Path, truth: Path, result: Path) -> None:
        """Refuse what is no demo's, and an earlier demo unless it is to be replaced."""
        from vos.segmentation.run_folder import RUN, check_folder

        earlier = (result / RUN).is_file()
        try:
            check_folder(result, resume=False, overwrite=self.overwrite)
        except InputError as error:
            if not earlier:
                raise
            raise InputError(  # a demo is made anew, so there is no --resume to advise
                f"{self.out} holds a demo already; replace it (--overwrite), or give another "
                "folder (-o)"
            ) from error
        if not earlier and any(folder.exists() for folder in (frames, truth)):
            raise InputError(
                f"{self.out} holds folders of the demo's names, frames or truth, that are not of a "
                "demo and are left alone; give another folder (-o)"
            )


def _sheet(clip: list[tuple[np.ndarray, np.ndarray]], segmented: SegmentResult) -> np.ndarray:
    import numpy as np

    from vos.masks.io import read_index_png
    from vos.segmentation.run_folder import MASKS
    from vos.visualization.overlay import draw_overlay
    from vos.visualization.sheets import contact_sheet

    rows = []
    numbers = np.linspace(0, len(clip) - 1, _SHEET_FRAMES).round().astype(int).tolist()
    for number in numbers:
        image, mask = clip[number]
        predicted = read_index_png(segmented.out / MASKS / f"{number:05d}.png")
        rows.append([image, draw_overlay(image, mask), draw_overlay(image, predicted)])
    return contact_sheet(
        rows,
        row_captions=[f"frame {number}" for number in numbers],
        column_captions=["frame", "true masks", "segmented from the first mask"],
    )
