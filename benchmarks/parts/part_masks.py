"""Parts of the first frame propagated through a video, and the masks as VIP's scorer takes them.

Shape letters: H W pixels, C channels (background first), h w patches.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vos.backbones.backbone import Backbone
from vos.datasets.sequence import VideoSequence
from vos.errors import InputError
from vos.evaluation.part_iou import resize_like_pillow
from vos.masks.ids import ids_from_channels
from vos.masks.io import write_mask
from vos.propagation.config import PropagationConfig
from vos.propagation.pixels.upsampling import winning_channel
from vos.propagation.propagator import LabelPropagator
from vos.runtime.devices import peak_memory_mib
from vos.runtime.provenance import package_versions
from vos.segmentation.run_folder import MASKS
from vos.video.images import read_image


@dataclass
class _Seconds:
    """What the stages took."""

    stages: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(("decode", "features", "propagation", "writing"), 0.0)
    )

    def add(self, stage: str, start: float) -> float:
        """Add the time since `start` to a stage; return the time now."""
        now = time.perf_counter()
        self.stages[stage] += now - start
        return now


def part_masks(
    sequence: VideoSequence,
    backbone: Backbone,
    config: PropagationConfig,
    on_frame: Callable[[], None] | None = None,
    seconds: _Seconds | None = None,
) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Propagate the parts of the first frame.

    The channel that wins at the network's size is brought to the frame's by Pillow's nearest, as
    in the published program. The first frame's mask too is what its labels of patches give.

    Yields:
        Each frame's name and mask (H, W) uint8 of classes.

    Raises:
        InputError: a frame or the first mask cannot be used.
    """
    spent = seconds or _Seconds()
    tracker = LabelPropagator(backbone, config)
    for path in sequence.frames:
        start = time.perf_counter()
        frame = read_image(path)
        prompt = sequence.read_prompt(path.stem) if path.stem in sequence.prompts else None
        start = spent.add("decode", start)
        (features,) = tracker.features([frame])
        start = spent.add("features", start)
        tracker.step(frame, prompt, features=features)
        labels = tracker.soft_labels  # (C, h, w)
        if labels is None:
            raise InputError(f"{sequence.name}: its first frame has no part")
        winner = winning_channel(
            labels.contiguous(),
            backbone.stride,
            upsampling=config.upsampling,
            stretch=config.stretch_channels,
        )
        classes = ids_from_channels(winner.to("cpu").numpy(), tracker.objects)
        mask = resize_like_pillow(classes, *frame.shape[:2])
        spent.add("propagation", start)
        yield path.stem, mask
        if on_frame is not None:
            on_frame()


def write_part_masks(
    sequence: VideoSequence,
    backbone: Backbone,
    config: PropagationConfig,
    work: Path,
    on_frame: Callable[[], None] | None = None,
) -> dict[str, Any]:
    """Write the masks of a video to `work`/masks; return the record of how they were made.

    Raises:
        InputError: a frame or the first mask cannot be used.
        OSError: a mask cannot be written.
    """
    spent, started = _Seconds(), time.perf_counter()
    count = 0
    for name, mask in part_masks(sequence, backbone, config, on_frame, spent):
        start = time.perf_counter()
        write_mask(work / MASKS / f"{name}.png", mask)
        spent.add("writing", start)
        count += 1
    return {
        "versions": package_versions(),
        "results": {
            "frames_computed": count,
            "seconds": spent.stages,
            "wall_seconds": time.perf_counter() - started,
            "peak_memory_mib": peak_memory_mib(),
        },
    }
