"""How fast `vos segment` computes, beside the plain protocol, in turns in one run.

Every pair of contestants gets the same input; medians are compared. The input is the clip of
`vos demo`: 480 x 854 pixels, seen by the network as 480 x 832, with three objects.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.speed.conditions import conditions
from benchmarks.speed.plain_protocol import (
    PlainTracker,
    plain_features,
    plain_propagation,
    window_mask,
)
from vos.backbones.backbone import Backbone
from vos.backbones.dino import DinoViT
from vos.backbones.loading import load_backbone
from vos.datasets.demo_clip import demo_frames
from vos.files import write_json
from vos.propagation.affinity import propagate_labels
from vos.propagation.config import PropagationConfig
from vos.propagation.neighborhood import Neighborhood
from vos.propagation.propagator import LabelPropagator
from vos.runtime.devices import peak_memory_mib
from vos.runtime.progress import progress

PLAIN = "plain fp32"
CONTEXT = 8
"""The first frame and the last seven."""
CLASSES = 4
"""Background and three objects."""

Contestants = Mapping[str, Callable[[], Any]]


@dataclass(frozen=True)
class SideBySide:
    """Measurements of ours and of the plain protocol on the same input."""

    rounds: int
    """Every contestant runs this many times, in turns."""
    frames: int
    """Frames of the whole clip, the first included."""
    steps: int
    """Frame whose cost is compared with the hundredth's."""
    plain: bool
    """Whether the plain protocol is measured too."""

    def measurements(
        self, parts: Sequence[str], patch_sizes: Sequence[int]
    ) -> dict[str, Callable[[], dict[str, float]]]:
        """Return what measures each part at each patch size, by its name."""
        each: dict[str, Callable[[int], dict[str, float]]] = {
            "features": self._features,
            "propagation": self._propagation,
            "clip": self._clip,
            "objects": self._objects,
            "length": self._length,
            "memory": self._memory,
        }
        return {
            f"{part}, ViT-S/{patch}": partial(each[part], patch)
            for part in parts
            for patch in patch_sizes
        }

    def _features(self, patch: int) -> dict[str, float]:
        vits = {p: _vit(patch, p) for p in ("fp32", "bf16")}
        frame, _ = next(demo_frames())
        image = vits["fp32"].preprocess(frame)
        contestants: dict[str, Callable[[], Any]] = {
            f"ours {p}": partial(vit, image) for p, vit in vits.items()
        }
        if self.plain:
            state, heads = vits["fp32"].network.state_dict(), _heads(vits["fp32"])
            contestants[PLAIN] = partial(plain_features, state, heads, image)
        return in_turns(contestants, self.rounds)

    def _propagation(self, patch: int) -> dict[str, float]:
        grid = (480 // patch, 832 // patch)
        config = PropagationConfig()
        features, labels = _context(grid)
        neighborhood = Neighborhood(*grid, config.neighborhood_radius)
        contestants: dict[str, Callable[[], Any]] = {}
        for name, dtype in (("ours fp32", torch.float32), ("ours bf16", torch.bfloat16)):
            target, *context = (frame.to(dtype) for frame in features)
            laid_out = [neighborhood.lay_out(frame) for frame in context]
            contestants[name] = partial(
                propagate_labels,
                target,
                laid_out,
                labels,
                neighborhood,
                topk=config.topk,
                temperature=config.temperature,
            )
        if self.plain:
            window = window_mask(*grid, config.neighborhood_radius)
            target, *context = (frame.flatten(0, 1) for frame in features)  # (P, D) each
            contestants[PLAIN] = partial(plain_propagation, target, context, labels, window, config)
        return in_turns(contestants, self.rounds)

    def _clip(self, patch: int) -> dict[str, float]:
        clip = list(islice(demo_frames(), self.frames))
        contestants: dict[str, Callable[[], Any]] = {
            f"ours {p}": partial(run_clip, _vit(patch, p), clip) for p in ("fp32", "bf16")
        }
        if self.plain:
            contestants[PLAIN] = partial(plain_clip, _vit(patch, "fp32"), clip)
        return in_turns(contestants, 1)

    def _objects(self, patch: int) -> dict[str, float]:
        vit = _vit(patch, "bf16")
        clip = list(islice(demo_frames(), 4))
        contestants = {
            f"{count} objects": partial(run_clip, vit, clip, _stripes(count)) for count in (1, 20)
        }
        return in_turns(contestants, self.rounds)

    def _length(self, patch: int) -> dict[str, float]:
        """Steps without the features' cost: the hundredth against the last."""
        vit = _vit(patch, "bf16")
        clip = list(islice(demo_frames(), 8))
        tracker = LabelPropagator(vit)
        features = tracker.features([frame for frame, _ in clip])
        times = []
        for number in range(self.steps):
            at = number % len(clip)
            start = time.perf_counter()
            tracker.step(clip[at][0], clip[0][1] if number == 0 else None, features=features[at])
            times.append(time.perf_counter() - start)
        return {
            "frames 50 to 150": statistics.median(times[50:150]),
            f"last 100 of {self.steps}": statistics.median(times[-100:]),
        }

    def _memory(self, patch: int) -> dict[str, float]:
        """Peak resident memory of a process of its own, MiB, over ten frames."""
        names = ["fp32", "bf16"] + (["plain"] if self.plain else [])
        peaks = {}
        for name in names:
            code = f"from benchmarks.speed.propagation import peak; peak({patch}, {name!r})"
            finished = subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True
            )
            peaks[PLAIN if name == "plain" else f"ours {name}"] = float(finished.stdout.split()[-1])
        return peaks


def run_measurements(
    measurements: Mapping[str, Callable[[], dict[str, float]]], out: Path | None
) -> None:
    """Measure and print one after the other; write all into a JSON file if one is given."""
    results: dict[str, dict[str, float]] = {}
    with progress("timing", None, "measurements") as advance:
        for name, measure in measurements.items():
            results[name] = measure()
            _print(name, results[name])
            advance(note=name)
    if out is not None:
        about = conditions() | {"threads": torch.get_num_threads()}
        about["versions"]["torch"] = torch.__version__
        write_json(out, {"seconds_or_mib": results, "machine": about})


def in_turns(contestants: Contestants, rounds: int) -> dict[str, float]:
    """Run all contestants in turns, A B A B, and return their median seconds."""
    times: dict[str, list[float]] = {name: [] for name in contestants}
    with torch.inference_mode():
        for _ in range(rounds):
            for name, work in contestants.items():
                start = time.perf_counter()
                work()
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def run_clip(
    backbone: Backbone,
    clip: list[tuple[np.ndarray, np.ndarray]],
    first_mask: np.ndarray | None = None,
) -> list[np.ndarray]:
    """Segment a clip with ours; the masks after the first."""
    tracker = LabelPropagator(backbone)
    tracker.step(clip[0][0], clip[0][1] if first_mask is None else first_mask)
    return [tracker.step(frame) for frame, _ in clip[1:]]


def plain_clip(backbone: DinoViT, clip: list[tuple[np.ndarray, np.ndarray]]) -> list[np.ndarray]:
    """Segment a clip by the plain protocol; the masks after the first."""
    tracker = PlainTracker(backbone.network.state_dict(), _heads(backbone), PropagationConfig())
    with torch.inference_mode():
        tracker.start(backbone.preprocess(clip[0][0]), clip[0][1])
        return [tracker.step(backbone.preprocess(frame)) for frame, _ in clip[1:]]


def peak(patch: int, name: str) -> None:
    """Segment ten frames and print this process's peak memory in MiB."""
    clip = list(islice(demo_frames(), 10))
    if name == "plain":
        plain_clip(_vit(patch, "fp32"), clip)
    else:
        run_clip(_vit(patch, name), clip)
    print(peak_memory_mib())


def _vit(patch: int, precision: str) -> DinoViT:
    loaded = load_backbone(f"dino_vits{patch}", untrained=True, device="cpu", precision=precision)
    assert isinstance(loaded, DinoViT)
    return loaded


def _heads(backbone: DinoViT) -> int:
    return backbone.dim // 64


def _context(grid: tuple[int, int]) -> tuple[list[Tensor], list[Tensor]]:
    """Made-up features of a target and its context, alike from frame to frame, and labels."""
    generator = torch.Generator().manual_seed(0)
    scene = torch.randn(*grid, 384, generator=generator) + torch.randn(384, generator=generator)
    features = [
        F.normalize(scene + 0.5 * torch.randn(*grid, 384, generator=generator), dim=-1)
        for _ in range(CONTEXT + 1)
    ]
    labels = [
        torch.rand(grid[0] * grid[1], CLASSES, generator=generator).softmax(1)
        for _ in range(CONTEXT)
    ]
    return features, labels


def _stripes(objects: int) -> np.ndarray:
    """A mask of that many objects, side by side over the middle half of the frame."""
    mask = np.zeros((480, 854), np.uint8)
    edges = np.linspace(0, 854, objects + 1).astype(int)
    for k in range(objects):
        mask[120:360, edges[k] : edges[k + 1]] = k + 1
    return mask


def _print(name: str, values: dict[str, float]) -> None:
    reference = values.get(PLAIN)
    for contestant, value in values.items():
        ratio = "" if reference is None or contestant == PLAIN else f"  1/{reference / value:.1f}"
        unit = "MiB" if name.startswith("memory") else "s"
        print(f"{name:<24} {contestant:<22} {value:9.3f} {unit}{ratio}")
