"""DINO's Vision Transformer (Caron et al. 2021, section 3), built on timm's.

Two things differ from timm's: position embeddings are brought to another grid by DINO's own rule,
and the class token's attention can be read without the attention of all pairs.

Shapes: B batch, D width, H W pixels, h w patches, N = h * w.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import timm.models.vision_transformer as timm_vit
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vos.blocked_attention import blocked_attention, serves

ARCHITECTURES: dict[str, tuple[int, int, int]] = {
    "vit_tiny": (192, 12, 3),
    "vit_small": (384, 12, 6),
    "vit_base": (768, 12, 12),
}
"""Width, blocks and heads of the published architectures."""

_GRID_OFFSET = 0.1
"""Added to the grid's sides before they are divided into scale factors, against rounding down."""


class VisionTransformer(timm_vit.VisionTransformer):
    """A plain ViT with a class token and learned position embeddings.

    The names in its state dict are those of timm and of DINO's published checkpoints.
    """

    cls_token: nn.Parameter
    pos_embed: nn.Parameter

    def __init__(
        self,
        patch_size: int,
        embed_dim: int,
        depth: int,
        num_heads: int,
        *,
        in_chans: int = 3,
        img_size: int = 224,
        drop_path_rate: float = 0.0,
    ) -> None:
        super().__init__(
            img_size=img_size,
            patch_size=patch_size,
            in_chans=in_chans,
            num_classes=0,
            global_pool="token",
            embed_dim=embed_dim,
            depth=depth,
            num_heads=num_heads,
            mlp_ratio=4.0,
            qkv_bias=True,
            norm_layer=partial(nn.LayerNorm, eps=1e-6),
            drop_path_rate=drop_path_rate,
            dynamic_img_size=True,
        )
        nn.init.trunc_normal_(self.cls_token, std=0.02)  # timm's own start is 1e-6

    def _pos_embed(self, x: Tensor) -> Tensor:
        """Add the class token and the position embeddings: (B, h, w, D) -> (B, 1 + N, D)."""
        batch, rows, columns, width = x.shape
        tokens = torch.cat([self.cls_token.expand(batch, -1, -1), x.reshape(batch, -1, width)], 1)
        return self.pos_drop(tokens + position_embedding(self.pos_embed, rows, columns))

    def layers(self, images: Tensor, last: int = 1) -> list[Tensor]:
        """Return the tokens after each of the last blocks, after the final norm.

        Args:
            images: (B, C, H, W), normalised.
            last: how many blocks, counted from the end.

        Returns:
            `last` tensors (B, 1 + N, D), the last block's at the end, class token first.
        """
        x = self._embed(images)
        kept = []
        for index, block in enumerate(self.blocks):
            x = _through(block, x)
            if index >= len(self.blocks) - last:
                kept.append(self.norm(x))
        return kept

    def class_attention(self, images: Tensor) -> Tensor:
        """Return the last block's attention of the class token to the patches, per head.

        The softmax runs over all tokens; the class token's weight on itself is left out.

        Args:
            images: (B, C, H, W), normalised.

        Returns:
            (B, heads, N), at least float32.
        """
        x = self._embed(images)
        for block in self.blocks[:-1]:
            x = _through(block, x)
        last: Any = self.blocks[-1]
        attention = last.attn
        batch, tokens, _ = x.shape
        qkv = attention.qkv(last.norm1(x))
        query, key, _ = qkv.view(batch, tokens, 3, attention.num_heads, -1).permute(2, 0, 3, 1, 4)
        scores = (query[:, :, :1] * attention.scale) @ key.transpose(-2, -1)
        return scores.float().softmax(-1)[:, :, 0, 1:]

    def _embed(self, images: Tensor) -> Tensor:
        return self.norm_pre(self.patch_drop(self._pos_embed(self.patch_embed(images))))


def _through(block: Any, x: Tensor) -> Tensor:
    """Apply a block to tokens (B, N, D), with the attention that is fastest where they are."""
    if not serves(x):
        return block(x)
    attention = block.attn
    attended = blocked_attention(
        attention.qkv(block.norm1(x)), attention.num_heads, attention.scale
    )
    x = x + attention.proj(attended)
    return x + block.mlp(block.norm2(x))


def position_embedding(pos_embed: Tensor, rows: int, columns: int) -> Tensor:
    """Bring learned position embeddings to a grid of patches, by DINO's rule.

    Bicubic, without antialiasing, from the scale factors (side + 0.1) / n, which the interpolation
    takes its source coordinates from. A grid of the learned size is used untouched.

    Args:
        pos_embed: (1, 1 + n * n, D), the class token's first.
        rows: patches from top to bottom, h.
        columns: patches from left to right, w.

    Returns:
        (1, 1 + h * w, D) in the dtype of `pos_embed`.
    """
    side = round((pos_embed.shape[1] - 1) ** 0.5)
    if (rows, columns) == (side, side):
        return pos_embed
    width = pos_embed.shape[2]
    grid = pos_embed[:, 1:].view(1, side, side, width).permute(0, 3, 1, 2)
    factors = ((rows + _GRID_OFFSET) / side, (columns + _GRID_OFFSET) / side)
    resized = F.interpolate(grid.float(), scale_factor=factors, mode="bicubic", align_corners=False)
    patches = resized.permute(0, 2, 3, 1).reshape(1, rows * columns, width)
    return torch.cat([pos_embed[:, :1], patches.to(pos_embed.dtype)], dim=1)


def build_vit(
    arch: str,
    patch_size: int,
    *,
    in_chans: int = 3,
    img_size: int = 224,
    drop_path_rate: float = 0.0,
) -> VisionTransformer:
    """Build a published architecture with fresh weights.

    Raises:
        KeyError: `arch` is not in `ARCHITECTURES`.
    """
    width, depth, heads = ARCHITECTURES[arch]
    return VisionTransformer(
        patch_size,
        width,
        depth,
        heads,
        in_chans=in_chans,
        img_size=img_size,
        drop_path_rate=drop_path_rate,
    )


def patch_map(tokens: Tensor, grid: Sequence[int], prefix: int = 1) -> Tensor:
    """View patch tokens as a map: (B, prefix + N, D) -> (B, D, h, w)."""
    return tokens[:, prefix:].transpose(1, 2).unflatten(2, tuple(grid))
