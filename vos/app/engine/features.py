"""The features of frames in memory, as many as fit.

Shapes: D width, h w patches.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vos.backbones.backbone import Backbone
from vos.propagation.config import PropagationConfig
from vos.propagation.propagator import unit_length


@dataclass(frozen=True)
class MemoryLimits:
    """How much the engine keeps."""

    shown_bytes: int = 128 << 20
    """Features of frames that were shown."""
    propagated_bytes: int = 768 << 20
    """Features of frames that a propagation went through."""
    pass_bytes: int = 4 << 30
    """Labels and states of passes on disk, for each project."""
    segmenters: int = 4
    """Shown frames that are ready for clicks."""


class FeatureCache:
    """Maps (D, h, w) by source and frame, the last used ones; any thread may use it."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._bytes = 0
        self._maps: OrderedDict[Hashable, Tensor] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Tensor | None:
        """Return a map, None if it is not kept."""
        with self._lock:
            if key in self._maps:
                self._maps.move_to_end(key)
            return self._maps.get(key)

    def put(self, key: Hashable, features: Tensor) -> None:
        """Keep a map; the ones used longest ago make room, the new one stays whatever its size."""
        with self._lock:
            self._drop(key)
            self._maps[key] = features
            self._bytes += features.nbytes
            while self._bytes > self._limit and len(self._maps) > 1:
                self._drop(next(iter(self._maps)))

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._maps.clear()
            self._bytes = 0

    def drop_source(self, source_id: str) -> None:
        """Forget the maps of a source, whose keys are pairs of its id and a frame."""
        with self._lock:
            for key in [k for k in self._maps if isinstance(k, tuple) and k[0] == source_id]:
                self._drop(key)

    def _drop(self, key: Hashable) -> None:
        dropped = self._maps.pop(key, None)
        if dropped is not None:
            self._bytes -= dropped.nbytes


@torch.inference_mode()
def patch_features(
    backbone: Backbone, image: NDArray[np.uint8], config: PropagationConfig
) -> Tensor:
    """Compute a frame's features (D, h, w), which serve clicks and propagation alike.

    Args:
        backbone: the network.
        image: RGB uint8 (H, W, 3).
        config: says how the frame is brought to the network.

    Raises:
        InputError: the frame is too small.
    """
    features: Tensor = backbone(backbone.preprocess(image, rule=config.input_rule))[0]
    return features


@torch.inference_mode()
def propagated_features(features: Tensor) -> Tensor:
    """Return a map (D, h, w) as the propagation takes it, (h, w, D) of unit length."""
    return unit_length(features[None])[0]
