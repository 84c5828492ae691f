"""A tiny run of each part: it gives the right result, or what it raised.

Shape letters: H W pixels, T frames.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from vos.doctor.check import Check, attempt

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vos.backbones.backbone import Backbone

_GROUP = "parts"
_BACKBONE = "efficientnet_lite0"  # it needs no download
_HEIGHT, _WIDTH, _FRAMES, _SIDE = 96, 128, 4, 40
_LEAST_IOU = 0.5  # of a bright square on a dark ground
_LARGEST_ERROR = 6.0  # levels, mean over a compressed video
_LEAST_COSINE = 0.99  # of features on a GPU with those on the CPU
_REPORT = "if no line above explains it, report it with the whole output"
_TRAIN_SECONDS = 300


class Clip(NamedTuple):
    """A square that moves to the right."""

    frames: NDArray[np.uint8]
    """(T, H, W, 3) RGB."""
    masks: NDArray[np.uint8]
    """(T, H, W), 1 where the square is."""


def trial_checks(device: str) -> Iterator[Check]:
    """Run each part.

    Args:
        device: where features are computed: auto, cpu, cuda, cuda:N or mps.
    """
    with TemporaryDirectory(prefix="vos-doctor-") as name:
        folder, clip = Path(name), _clip()
        yield _timed("mask written and read", lambda: _mask(clip, folder))
        yield _timed("video written and read", lambda: _video(clip, folder))
        backbone: list[Backbone] = []
        yield _timed("features", lambda: _features(clip, device, backbone))
        if backbone:
            yield _timed("propagation", lambda: _propagation(clip, backbone[0]))
            yield _timed("vos segment", lambda: _segment(clip, folder, backbone[0]))
        yield _timed("vos evaluate", lambda: _evaluate(clip, folder))
        yield _timed("a step of vos-pretrain", lambda: _pretrain(clip, folder, device))


def _timed(name: str, action: Callable[[], str]) -> Check:
    def timed() -> str:
        start = time.perf_counter()
        detail = action()
        return f"{detail}, {time.perf_counter() - start:.1f} s"

    return attempt(_GROUP, name, timed, _REPORT)


def _clip() -> Clip:
    import numpy as np

    masks = np.zeros((_FRAMES, _HEIGHT, _WIDTH), np.uint8)
    for number in range(_FRAMES):
        left = 16 + 4 * number
        masks[number, 24 : 24 + _SIDE, left : left + _SIDE] = 1
    colors = np.array([(40, 60, 50), (230, 180, 40)], np.uint8)
    return Clip(colors[masks], masks)


def _mask(clip: Clip, folder: Path) -> str:
    import numpy as np

    from vos.masks.io import read_mask, write_mask

    for number, mask in enumerate(clip.masks):
        path = folder / "truth" / f"{number:05d}.png"
        write_mask(path, mask)
        if not np.array_equal(read_mask(path).ids, mask):
            raise RuntimeError("the mask that was read is not the one that was written")
    return f"{_FRAMES} PNG files, equal"


def _video(clip: Clip, folder: Path) -> str:
    import numpy as np

    from vos.video.reader import open_frames
    from vos.video.writer import VideoWriter

    path = folder / "clip.mp4"
    with VideoWriter(path, 10) as writer:
        for image in clip.frames:
            writer.write(image)
    with open_frames(path) as reader:
        images = [frame.image for frame in reader]
    if len(images) != _FRAMES:
        raise RuntimeError(f"{_FRAMES} frames were written and {len(images)} read")
    error = float(np.abs(np.stack(images).astype(float) - clip.frames).mean())
    if error > _LARGEST_ERROR:
        raise RuntimeError(f"the frames that were read differ by {error:.1f} levels in the mean")
    return f"{_FRAMES} frames of H.264, {error:.1f} levels apart"


def _features(clip: Clip, device: str, backbones: list[Backbone]) -> str:
    """Compute features, also on the CPU if the device is another; keep the backbone."""
    import torch

    from vos.backbones.loading import load_backbone

    backbone = load_backbone(_BACKBONE, device=device, precision="fp32")
    features = (
        backbone.features(clip.frames[0], short_side=0).patches.float().cpu()
    )  # (1, 1, D, h, w)
    if not bool(features.isfinite().all()):
        raise RuntimeError("features are not finite")
    backbones.append(backbone)
    text = f"{_BACKBONE} on {backbone.device}"
    if backbone.device.type == "cpu":
        return text
    on_cpu = load_backbone(_BACKBONE, device="cpu", precision="fp32")
    expected = on_cpu.features(clip.frames[0], short_side=0).patches.float()
    cosine = float(torch.cosine_similarity(features, expected, dim=2).min())
    if cosine < _LEAST_COSINE:
        raise RuntimeError(f"{text} differ from the CPU's: cosine {cosine:.3f}")
    return f"{text}, cosine with the CPU's {cosine:.4f}"


def _propagation(clip: Clip, backbone: Backbone) -> str:
    from vos.propagation.config import PropagationConfig
    from vos.propagation.propagator import LabelPropagator

    tracker = LabelPropagator(backbone, PropagationConfig(short_side=0))
    tracker.step(clip.frames[0], clip.masks[0])
    for image in clip.frames[1:]:
        mask = tracker.step(image)
    return _checked_iou(mask, clip.masks[-1])


def _segment(clip: Clip, folder: Path, backbone: Backbone) -> str:
    from vos.files import write_png
    from vos.masks.io import read_index_png
    from vos.propagation.config import PropagationConfig
    from vos.segmentation.segment import segment_video

    for number, image in enumerate(clip.frames):
        write_png(folder / "frames" / f"{number:05d}.png", image)
    out = folder / "out"
    config = PropagationConfig(short_side=0)
    segment_video(folder / "frames", clip.masks[0], out, backbone=backbone, config=config)
    if not (out / "overlay.mp4").stat().st_size:
        raise RuntimeError("overlay.mp4 is empty")
    return _checked_iou(read_index_png(out / "masks" / f"{_FRAMES - 1:05d}.png"), clip.masks[-1])


def _checked_iou(mask: NDArray[np.uint8], truth: NDArray[np.uint8]) -> str:
    from vos.evaluation.j_and_f import region_similarity

    iou = float(region_similarity(mask == 1, truth == 1))
    if iou < _LEAST_IOU:
        raise RuntimeError(f"the mask of a plain moving square has an IoU of {iou:.2f}")
    return f"IoU {iou:.2f} after {_FRAMES - 1} frames"


def _evaluate(clip: Clip, folder: Path) -> str:
    from vos.evaluation.evaluate import evaluate
    from vos.masks.io import write_mask

    for number, mask in enumerate(clip.masks):
        write_mask(folder / "scored" / "square" / f"{number:05d}.png", mask)
    scores = evaluate(folder / "scored", folder / "scored", processes=1)
    if scores.jf_mean != 1:
        raise RuntimeError(f"equal masks have a J&F of {scores.jf_mean}")
    return "J&F of equal masks is 1"


def _pretrain(clip: Clip, folder: Path, device: str) -> str:
    """Train for one step, by the program, as `vos` imports nothing of `pretrain`."""
    from vos.files import write_png

    for number, image in enumerate(clip.frames[:2]):
        write_png(folder / "photos" / f"{number}.png", image)
    network = "--arch vit_tiny --out-dim 8 --head-hidden-dim 8 --head-bottleneck-dim 8"
    crops = "--patch-size 16 --global-crops-size 32 --local-crops-number 0"
    length = "--epochs 1 --warmup-epochs 0 --batch-size-per-gpu 2 --num-workers 0 --probe-epochs 0"
    options = f"photos -o trained {network} {crops} {length} --device {device} --precision fp32"
    code = Path(__file__).resolve().parents[2]  # of a checkout that is not installed
    paths = [str(code), *filter(None, [os.environ.get("PYTHONPATH")])]
    run = subprocess.run(
        [sys.executable, "-m", "pretrain", "train", *options.split()],
        cwd=folder,
        env={**_without_launcher(os.environ), "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_TRAIN_SECONDS,
        check=False,
    )
    if run.returncode or not (folder / "trained" / "checkpoint.pth").is_file():
        last = run.stderr.strip().splitlines()[-1:] or ["no message"]
        raise RuntimeError(f"exit status {run.returncode}: {last[0]}")
    return f"ViT-Ti/16 on {device}"


def _without_launcher(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what would make the step one process of several."""
    launcher = {"RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"}
    return {k: v for k, v in environment.items() if k not in launcher and k[:6] != "SLURM_"}
