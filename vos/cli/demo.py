"""`vos demo`: the main job on a clip made on the spot, scored against its true masks."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import tyro

from vos.backbones.loading import BackboneOptions, load_with_progress
from vos.cli.pytorch import start_pytorch
from vos.errors import InputError
from vos.files import write_png
from vos.propagation.config import Mode, PropagationConfig
from vos.runtime.progress import CountProgress

if TYPE_CHECKING:
    import numpy as np

    from vos.backbones.backbone import Backbone

_SHEET_FRAMES = 5
"""Frames on the contact sheet."""
_FOLDERS: dict[Mode, str] = {"protocol": "result", "adaptive": "adaptive"}
"""Where the results of both modes lie."""


@dataclass(frozen=True)
class Demo:
    """Make a short clip from public-domain photographs, segment it, score it, show it.

    Objects move, turn, grow and pass behind each other, and their true masks are known. Both
    modes of propagation are run, whatever --mode says. The backbone is the built-in one unless
    another is given, and no network is needed.

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
        from vos.features.cache import CachedBackbone
        from vos.masks.io import write_mask
        from vos.segmentation.run_folder import MASKS, OVERLAY

        frames, truth = self.out / "frames", self.out / "truth"
        results = {mode: self.out / folder for mode, folder in _FOLDERS.items()}
        self._check_folders(frames, truth, *results.values())
        backbone = load_with_progress(self.backbone)
        clip = list(demo_frames())
        for number, (image, mask) in enumerate(clip):
            write_mask(truth / f"{number:05d}.png", mask)
            write_png(frames / f"{number:05d}.png", image)
        with TemporaryDirectory(dir=self.out, prefix=".features-") as folder:
            cached = CachedBackbone(backbone, folder)  # the second mode computes none again
            speeds = {mode: self._segment(mode, out, cached) for mode, out in results.items()}
        sheet = self.out / "contact_sheet.png"
        scores = {mode: evaluate(out / MASKS, truth) for mode, out in results.items()}
        captions = {mode: f"{mode} mode, J&F {s.jf_mean:.3f}" for mode, s in scores.items()}
        masks = {captions[mode]: out / MASKS for mode, out in results.items()}
        write_png(sheet, _sheet(clip, masks))
        for mode, s in scores.items():
            print(
                f"{mode} mode: J&F {s.jf_mean:.3f} (J {s.j.mean:.3f}, F {s.f.mean:.3f}) over "
                f"{len(s.objects)} objects with {backbone.record.name}"
            )
        print(f"{speeds['protocol']:.2f} frames/s on {backbone.device} in protocol mode")
        for mode, out in results.items():
            print(f"{mode} mode: overlay {out / OVERLAY}, masks {out / MASKS}")
        print(f"contact sheet: {sheet}")
        return 0

    def _segment(self, mode: Mode, out: Path, backbone: Backbone) -> float:
        """Segment the clip in one mode and return the frames a second."""
        from vos.segmentation.segment import segment_video

        start = time.perf_counter()
        with ExitStack() as stack:
            segmented = segment_video(
                self.out / "frames",
                self.out / "truth" / "00000.png",
                out,
                backbone=backbone,
                config=self.propagation.in_mode(mode),
                overwrite=self.overwrite,
                on_frame=CountProgress(stack, f"segment ({mode})"),
            )
        return segmented.computed / (time.perf_counter() - start)

    def _check_folders(self, frames: Path, truth: Path, result: Path, adaptive: Path) -> None:
        """Refuse what is no demo's, and an earlier demo unless it is to be replaced."""
        from vos.segmentation.run_folder import RUN, check_folder

        earlier = (result / RUN).is_file()
        try:
            for folder in (result, adaptive):
                check_folder(folder, resume=False, overwrite=self.overwrite)
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


def _sheet(clip: list[tuple[np.ndarray, np.ndarray]], masks: Mapping[str, Path]) -> np.ndarray:
    """Draw some frames, the true masks, and the masks of folders by their captions."""
    import numpy as np

    from vos.masks.io import read_index_png
    from vos.visualization.overlay import draw_overlay
    from vos.visualization.sheets import contact_sheet

    rows = []
    numbers = np.linspace(0, len(clip) - 1, _SHEET_FRAMES).round().astype(int).tolist()
    for number in numbers:
        image, mask = clip[number]
        predicted = [read_index_png(folder / f"{number:05d}.png") for folder in masks.values()]
        rows.append([image, *(draw_overlay(image, m) for m in (mask, *predicted))])
    return contact_sheet(
        rows,
        row_captions=[f"frame {number}" for number in numbers],
        column_captions=["frame", "true masks", *masks],
    )
