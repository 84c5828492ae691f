"""The published protocol written plainly from its description, as a measure for `vos`.

A ViT with explicit attention matrices, a dense affinity between all patches of all context frames
and all patches of the target, a window mask of the same size, all in float32. What is fast in
`vos` is held against this: the same masks, in less time and memory.

Shapes: D width, h w patches, P = h * w, K context frames, C label channels, A heads,
N = 1 + P tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from vos.backbones.checkpoints import StateDict
from vos.backbones.networks.vit import position_embedding
from vos.propagation.config import PropagationConfig


def plain_features(state: StateDict, heads: int, image: Tensor) -> Tensor:
    """Return a ViT's last patch tokens after its norm: (1, 3, H', W') -> (P, D) float32."""
    patch = state["patch_embed.proj.weight"].shape[-1]
    x = F.conv2d(
        image, state["patch_embed.proj.weight"], state["patch_embed.proj.bias"], stride=patch
    )
    rows, columns = x.shape[-2:]
    x = torch.cat([state["cls_token"], x.flatten(2).transpose(1, 2)], dim=1)  # (1, N, D)
    x = x + position_embedding(state["pos_embed"], rows, columns)
    if "registers" in state:  # have no position
        x = torch.cat([x[:, :1], state["registers"], x[:, 1:]], dim=1)
    depth = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("blocks."))
    for i in range(depth):
        x = x + _attention(state, f"blocks.{i}.attn", heads, _norm(state, f"blocks.{i}.norm1", x))
        hidden = F.gelu(_linear(state, f"blocks.{i}.mlp.fc1", _norm(state, f"blocks.{i}.norm2", x)))
        x = x + _linear(state, f"blocks.{i}.mlp.fc2", hidden)
    return _norm(state, "norm", x)[0, -rows * columns :]


def _attention(state: StateDict, name: str, heads: int, x: Tensor) -> Tensor:
    _, tokens, width = x.shape
    qkv = _linear(state, f"{name}.qkv", x).view(tokens, 3, heads, width // heads)  # (N, 3, A, D/A)
    query, key, value = qkv.permute(1, 2, 0, 3)  # (A, N, D/A) each
    weights = (query @ key.transpose(1, 2) * (width // heads) ** -0.5).softmax(dim=-1)
    joined = (weights @ value).transpose(0, 1).reshape(1, tokens, -1)  # (1, N, D)
    return _linear(state, f"{name}.proj", joined)


def _linear(state: StateDict, name: str, x: Tensor) -> Tensor:
    return F.linear(x, state[f"{name}.weight"], state[f"{name}.bias"])


def _norm(state: StateDict, name: str, x: Tensor) -> Tensor:
    width = (x.shape[-1],)
    return F.layer_norm(x, width, state[f"{name}.weight"], state[f"{name}.bias"], 1e-6)


def window_mask(height: int, width: int, radius: float) -> Tensor:
    """Return which patches may see which, (P, P) float32 of 0 and 1."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    y, x = y.reshape(-1, 1), x.reshape(-1, 1)  # (P, 1) each
    return (((y - y.T).abs() <= radius) & ((x - x.T).abs() <= radius)).float()


def plain_propagation(
    target: Tensor,
    context: Sequence[Tensor],
    labels: Sequence[Tensor],
    window: Tensor,
    config: PropagationConfig,
) -> Tensor:
    """Return the target's labels (P, C).

    Args:
        target: (P, D) of unit length.
        context: K frames (P, D) of unit length.
        labels: K frames (P, C).
        window: what `window_mask` returned.
        config: for k and the temperature.
    """
    affinity = (torch.cat(list(context)) @ target.T / config.temperature).exp()
    affinity = affinity * window.repeat(len(context), 1)
    threshold = affinity.topk(config.topk, dim=0).values[-1]
    affinity[affinity < threshold] = 0
    affinity = affinity / affinity.sum(dim=0)
    return affinity.T @ torch.cat(list(labels))


def plain_mask(
    labels: Tensor, grid: tuple[int, int], scale: int, size: tuple[int, int]
) -> np.ndarray:
    """Return the mask (H, W) uint8 of channels from labels (P, C)."""
    maps = labels.T.reshape(1, -1, *grid)  # (1, C, h, w)
    big = F.interpolate(maps, scale_factor=scale, mode="bilinear", align_corners=False)[0]
    for c in range(len(big)):
        if big[c].max() > 0:
            big[c] -= big[c].min()
            big[c] /= big[c].max()
    winner = big.argmax(dim=0).to(torch.uint8).numpy()
    return np.array(Image.fromarray(winner).resize(size[::-1], Image.Resampling.NEAREST))


class PlainTracker:
    """The whole protocol over a clip, one frame a call."""

    def __init__(self, state: StateDict, heads: int, config: PropagationConfig) -> None:
        self.state = state
        self.heads = heads
        self.config = config
        self._context: list[tuple[Tensor, Tensor]] = []
        self._window: Tensor | None = None

    def start(self, image: Tensor, first_mask: np.ndarray) -> None:
        """Take the first frame (1, 3, H', W') and its mask (H, W), ids 1..O without gaps."""
        patch = self.state["patch_embed.proj.weight"].shape[-1]
        self.grid = image.shape[-2] // patch, image.shape[-1] // patch
        self.scale, self.size = patch, first_mask.shape
        small = Image.fromarray(first_mask).resize(self.grid[::-1], Image.Resampling.NEAREST)
        channels = int(first_mask.max()) + 1
        ids = torch.from_numpy(np.array(small)).long().flatten()  # (P,)
        one_hot = F.one_hot(ids, channels)
        self._window = window_mask(*self.grid, self.config.neighborhood_radius)
        self._context = [(self._features(image), one_hot.float())]

    def step(self, image: Tensor) -> np.ndarray:
        """Take the next frame and return its mask (H, W) uint8."""
        assert self._window is not None
        target = self._features(image)
        context = [features for features, _ in self._context]
        labels = [soft for _, soft in self._context]
        soft = plain_propagation(target, context, labels, self._window, self.config)
        last = [*self._context[1:], (target, soft)]
        self._context = [self._context[0], *last[max(0, len(last) - self.config.n_last_frames) :]]
        return plain_mask(soft, self.grid, self.scale, (self.size[0], self.size[1]))

    def _features(self, image: Tensor) -> Tensor:
        return F.normalize(plain_features(self.state, self.heads, image), dim=1)
