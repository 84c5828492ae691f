"""The layers of a Vision Transformer (Dosovitskiy et al. 2021): patches, attention, blocks.

Modules bear the names of timm and of DINO's published checkpoints. A seed gives the weights that
timm gives for it.

Shapes: B batch, C channels, D width, H W pixels, h w patches, N tokens.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vos.errors import InputError

_NORM_EPS = 1e-6
_MLP_RATIO = 4
_INIT_STD = 0.02


class PatchEmbed(nn.Module):
    """Project patches that do not overlap: (B, C, H, W) -> (B, h, w, D)."""

    def __init__(self, patch_size: int, in_chans: int, embed_dim: int) -> None:
        super().__init__()
        self.patch_size = (patch_size, patch_size)
        self.proj = nn.Conv2d(in_chans, embed_dim, patch_size, stride=patch_size)

    def forward(self, images: Tensor) -> Tensor:
        """Return the patches' tokens (B, h, w, D).

        Raises:
            InputError: a side is not a multiple of the patch.
        """
        height, width = images.shape[-2:]
        rows, columns = self.patch_size
        if height % rows or width % columns:
            raise InputError(
                f"images are {width}x{height} pixels; expected sides that are multiples of the "
                f"patch, {rows}; crop or resize them"
            )
        projected: Tensor = self.proj(images)
        return projected.permute(0, 2, 3, 1)  # (B, D, h, w) -> (B, h, w, D)


class Attention(nn.Module):
    """Self-attention of several heads over tokens (B, N, D)."""

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        if dim % num_heads:
            raise ValueError(f"{num_heads} heads do not divide the width {dim}")
        self.num_heads = num_heads
        self.scale = (dim // num_heads) ** -0.5
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Return what the tokens gather, (B, N, D)."""
        batch, tokens, width = x.shape
        head_width = width // self.num_heads
        heads = self.qkv(x).reshape(batch, tokens, 3, self.num_heads, head_width)
        query, key, value = heads.permute(2, 0, 3, 1, 4).unbind(0)  # each (B, heads, N, D / heads)
        gathered = F.scaled_dot_product_attention(query, key, value)
        joined = gathered.transpose(1, 2).reshape(batch, tokens, width)  # (B, N, D)
        projected: Tensor = self.proj(joined)
        return projected


class Mlp(nn.Module):
    """Two linear layers with a GELU between them, token by token."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, _MLP_RATIO * dim)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(_MLP_RATIO * dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens (B, N, D) to (B, N, D)."""
        mapped: Tensor = self.fc2(self.act(self.fc1(x)))
        return mapped


class DropPath(nn.Module):
    """Stochastic depth (Huang et al. 2016): in training, drop whole samples of a residual.

    What is kept is divided by the share that is kept.
    """

    def __init__(self, drop_prob: float) -> None:
        super().__init__()
        self.drop_prob = drop_prob

    def forward(self, x: Tensor) -> Tensor:
        """Return `x` (B, ...) with samples set to zero in training, untouched otherwise."""
        if not self.training:
            return x
        keep = 1 - self.drop_prob
        survivors = x.new_empty((len(x),) + (1,) * (x.ndim - 1)).bernoulli_(keep)
        return x * survivors.div_(keep)


class Block(nn.Module):
    """Attention and MLP, each after a norm and beside a residual; tokens (B, N, D)."""

    def __init__(self, dim: int, num_heads: int, drop_path: float) -> None:
        super().__init__()
        self.norm1 = layer_norm(dim)
        self.attn = Attention(dim, num_heads)
        self.drop_path1 = DropPath(drop_path) if drop_path else nn.Identity()
        self.norm2 = layer_norm(dim)
        self.mlp = Mlp(dim)
        self.drop_path2 = DropPath(drop_path) if drop_path else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return the tokens after the block."""
        x = x + self.drop_path1(self.attn(self.norm1(x)))
        return x + self.drop_path2(self.mlp(self.norm2(x)))


def layer_norm(dim: int) -> nn.LayerNorm:
    """Build the norm of all ViTs here."""
    return nn.LayerNorm(dim, eps=_NORM_EPS)


def draw_linear(module: nn.Module) -> None:
    """Draw the weights of a linear layer anew and set its bias to zero; for `nn.Module.apply`."""
    if isinstance(module, nn.Linear):
        draw_normal(module.weight)
        nn.init.zeros_(module.bias)


@torch.no_grad()
def draw_normal(values: Tensor) -> None:
    """Fill a tensor from a normal distribution of deviation 0.02, as timm does.

    By the inverse of the distribution function: PyTorch's own draws other numbers for a seed, and
    not the same ones in all its versions.
    """
    values.uniform_(-1, 1).erfinv_().mul_(_INIT_STD * math.sqrt(2)).clamp_(-2, 2)
