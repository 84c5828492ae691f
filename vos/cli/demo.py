"""`vos demo`: the main job on a clip made on the spot, scored against its true masks."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vos.backbones.loading import BackboneOptions, load_with_progress
from vos.datasets.demo_clip import demo_frames
from vos.errors import InputError
from vos.evaluation.evaluate import evaluate
from vos.files import write_png
from vos.masks.io import read_index_png, write_mask
from vos.propagation.config import PropagationConfig
from vos.runtime.progress import CountProgress
from vos.segmentation.run_folder import MASKS, OVERLAY, RUN, check_folder
from vos.segmentation.segment import SegmentResult, segment_video
from vos.visualization.overlay import draw_overlay
from vos.visualization.sheets import contact_sheet

_SHEET_FRAMES = 5
"""Frames on the contact sheet."""


@dataclass(frozen=True)
class Demo:
    """Make a short clip from public-domain photographs, segment it, score it, show it.

    Objects move, turn, grow and pass behind each other, and their true masks are known. It runs
    on the built-in backbone unless told otherwise, and needs no network.
    """

    out: Path = Path("runs/demo")
    """Folder to write to."""
    backbone: BackboneOptions = field(
        default_factory=lambda: BackboneOptions(backbone="efficientnet_lite0")
    )
    propagation: PropagationConfig = field(default_factory=PropagationConfig)
    overwrite: bool = False
    """Replace the run in the output folder."""

    def run(self) -> int:
        """Make, segment, score and show the clip."""
        frames, truth, result = (self.out / name for name in ("frames", "truth", "result"))
        check_folder(result, resume=False, overwrite=self.overwrite)
        if not (result / RUN).is_file() and any(folder.exists() for folder in (frames, truth)):
            raise InputError(
                f"{self.out} holds folders of the demo's names, frames or truth, that are not of a "
                "demo and are left alone; give another folder (--out)"
            )
        backbone = load_with_progress(self.backbone)
        clip = list(demo_frames())
        for number, (image, mask) in enumerate(clip):
            write_mask(truth / f"{number:05d}.png", mask)
            write_png(frames / f"{number:05d}.png", image)
        start = time.perf_counter()
        with ExitStack() as stack:
            done = segment_video(
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
        write_png(sheet, _sheet(clip, done))
        print(
            f"J&F {scores.jf_mean:.3f} (J {scores.j.mean:.3f}, F {scores.f.mean:.3f}) over "
            f"{len(scores.objects)} objects with {backbone.record.name}; "
            f"{done.computed / seconds:.2f} frames/s on {backbone.device}"
        )
        print(f"overlay: {result / OVERLAY}\ncontact sheet: {sheet}\nmasks: {result / MASKS}")
        return 0


def _sheet(clip: list[tuple[np.ndarray, np.ndarray]], done: SegmentResult) -> np.ndarray:
    rows = []
    numbers = np.linspace(0, len(clip) - 1, _SHEET_FRAMES).round().astype(int).tolist()
    for number in numbers:
        image, mask = clip[number]
        predicted = read_index_png(done.out / MASKS / f"{number:05d}.png")
        rows.append([image, draw_overlay(image, mask), draw_overlay(image, predicted)])
    return contact_sheet(
        rows,
        row_captions=[f"frame {number}" for number in numbers],
        column_captions=["frame", "true masks", "segmented from the first mask"],
    )
