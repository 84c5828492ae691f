"""DINO's Vision Transformer (Caron et al. 2021, section 3).

It is timm's to the bit, in its names, in its numbers and in what a seed gives, but for three
things: position embeddings are brought to another grid by DINO's own rule, the class token starts
at DINO's deviation, and its attention can be read without the attention of all pairs.

Shapes: B batch, D width, H W pixels, h w patches, N = h * w.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from vos.backbones.networks.cpu_attention import blocked_attention, serves
from vos.backbones.networks.vit_blocks import (
    Block,
    PatchEmbed,
    draw_linear,
    draw_normal,
    layer_norm,
)

ARCHITECTURES: dict[str, tuple[int, int, int]] = {
    "vit_tiny": (192, 12, 3),
    "vit_small": (384, 12, 6),
    "vit_base": (768, 12, 12),
}
"""Width, blocks and heads of the published architectures."""


_REGISTER_STD = 1e-6
_GRID_OFFSET = 0.1
"""Added to the grid's sides before they are divided into scale factors, against rounding down."""


class VisionTransformer(nn.Module):
    """A plain ViT with a class token and learned position embeddings.

    The names in its state dict are those of timm and of DINO's published checkpoints. It has no
    classifier unless `reset_classifier` gives it one.

    With R `registers` (Darcet et al. 2024) so many learned tokens without a position stand between
    the class token and the patches in all blocks. What is said of 1 + N tokens is then of
    1 + R + N.
    """

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
        registers: int = 0,
    ) -> None:
        super().__init__()
        self.embed_dim = embed_dim
        self.patch_embed = PatchEmbed(patch_size, in_chans, embed_dim)
        self.cls_token = nn.Parameter(torch.empty(1, 1, embed_dim))
        patches = (img_size // patch_size) ** 2
        self.pos_embed = nn.Parameter(torch.empty(1, 1 + patches, embed_dim))
        rates = torch.linspace(0, drop_path_rate, depth, device="cpu").tolist()
        self.blocks = nn.Sequential(*(Block(embed_dim, num_heads, rate) for rate in rates))
        self.norm = layer_norm(embed_dim)
        self.head: nn.Module = nn.Identity()
        self.grad_checkpointing = False
        self.registers = nn.Parameter(torch.empty(1, registers, embed_dim)) if registers else None
        self.prefix = 1 + registers
        self._draw_weights()

    def _draw_weights(self) -> None:
        """Draw what the layers have not drawn, in timm's order: a seed gives the same network."""
        draw_normal(self.pos_embed)
        nn.init.normal_(self.cls_token, std=1e-6)  # timm's own start, replaced below
        self.apply(draw_linear)
        nn.init.trunc_normal_(self.cls_token, std=0.02)
        if self.registers is not None:
            nn.init.normal_(self.registers, std=_REGISTER_STD)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, C, H, W) to class tokens (B, D), or to scores (B, classes)."""
        scores: Tensor = self.head(self.forward_features(images)[:, 0])
        return scores

    def forward_features(
        self, images: Tensor, masked: Tensor | None = None, mask_token: Tensor | None = None
    ) -> Tensor:
        """Map images (B, C, H, W) to all tokens after the final norm, (B, 1 + N, D).

        Args:
            images: normalised.
            masked: (B, h, w) bool, the patches in whose place `mask_token` (D,) is seen.
            mask_token: given together with `masked`.
        """
        tokens: Tensor = self.norm(self._through_all(self._embed(images, masked, mask_token)))
        return tokens

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Keep the blocks' inputs alone for the backward pass, and compute the rest again in it."""
        self.grad_checkpointing = enable

    def _through_all(self, x: Tensor) -> Tensor:
        """Apply all blocks to tokens (B, 1 + N, D)."""
        if not (self.grad_checkpointing and torch.is_grad_enabled()):
            through: Tensor = self.blocks(x)
            return through
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=False)
        return x

    def reset_classifier(self, classes: int) -> None:
        """Put a new linear classifier after the class token; 0 takes it away."""
        weights = self.cls_token
        self.head = (
            nn.Linear(self.embed_dim, classes, device=weights.device, dtype=weights.dtype)
            if classes
            else nn.Identity()
        ).train(self.training)

    def get_classifier(self) -> nn.Module:
        """Return the classifier, an `nn.Identity` where there is none."""
        return self.head

    def no_weight_decay(self) -> set[str]:
        """Name the parameters that timm's optimisers do not decay, beside biases and norms."""
        own = set() if self.registers is None else {"registers"}
        return {"pos_embed", "cls_token"} | own

    def group_matcher(self, coarse: bool = False) -> dict[str, object]:
        """Return timm's patterns of parameters by depth, for a learning rate that decays with it.

        Args:
            coarse: timm passes it; a ViT has one grouping alone.
        """
        return {
            "stem": r"^cls_token|pos_embed|patch_embed"
            + ("" if self.registers is None else "|registers"),
            "blocks": [(r"^blocks\.(\d+)", None), (r"^norm", (99999,))],
        }

    def layers(self, images: Tensor, last: int = 1) -> list[Tensor]:
        """Return the tokens after each of the last blocks, after the final norm.

        Args:
            images: (B, C, H, W), normalised.
            last: how many blocks, counted from the end.

        Returns:
            `last` tensors (B, 1 + N, D), the last block's at the end, class token first.
        """
        x = self._embed(images)
        outputs = []
        for index, block in enumerate(self.blocks):
            x = _through(cast("Block", block), x)
            if index >= len(self.blocks) - last:
                outputs.append(self.norm(x))
        return outputs

    def class_attention(self, images: Tensor) -> Tensor:
        """Return the last block's attention of the class token to the patches, per head.

        The softmax runs over all tokens; the class token's weights on itself and on registers are
        left out.

        Args:
            images: (B, C, H, W), normalised.

        Returns:
            (B, heads, N), at least float32.
        """
        x = self._embed(images)
        for block in self.blocks[:-1]:
            x = _through(cast("Block", block), x)
        last = cast("Block", self.blocks[-1])
        attention = last.attn
        batch, tokens, _ = x.shape
        qkv = attention.qkv(last.norm1(x))  # (B, 1 + N, 3 * D)
        split = qkv.view(
            batch, tokens, 3, attention.num_heads, -1
        )  # (B, 1 + N, 3, heads, D / heads)
        query, key, _ = split.permute(2, 0, 3, 1, 4)  # each (B, heads, 1 + N, D / heads)
        scores = (query[:, :, :1] * attention.scale) @ key.transpose(-2, -1)
        return scores.float().softmax(-1)[:, :, 0, self.prefix :]

    def _embed(
        self, images: Tensor, masked: Tensor | None = None, mask_token: Tensor | None = None
    ) -> Tensor:
        """Return patches with the class token before them and positions added, (B, 1 + N, D)."""
        patches: Tensor = self.patch_embed(images)
        if masked is not None and mask_token is not None:
            patches = torch.where(masked[..., None], mask_token.to(patches.dtype), patches)
        batch, rows, columns, width = patches.shape
        first = self.cls_token.expand(batch, -1, -1)
        flat = patches.reshape(batch, -1, width)  # (B, h, w, D) -> (B, N, D)
        tokens = torch.cat([first, flat], 1)  # (B, 1 + N, D)
        placed = tokens + position_embedding(self.pos_embed, rows, columns)
        if self.registers is None:
            return placed
        registers = self.registers.expand(batch, -1, -1)
        return torch.cat([placed[:, :1], registers, placed[:, 1:]], 1)  # (B, 1 + R + N, D)


def _through(block: Block, x: Tensor) -> Tensor:
    """Apply a block to tokens (B, N, D), with the attention that is fastest where they are."""
    if not serves(x):
        through: Tensor = block(x)
        return through
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
    grid = pos_embed[:, 1:].view(1, side, side, width).permute(0, 3, 1, 2)  # (1, D, n, n)
    factors = ((rows + _GRID_OFFSET) / side, (columns + _GRID_OFFSET) / side)
    resized = F.interpolate(grid.float(), scale_factor=factors, mode="bicubic", align_corners=False)
    patches = resized.permute(0, 2, 3, 1).reshape(1, rows * columns, width)  # (1, h * w, D)
    return torch.cat([pos_embed[:, :1], patches.to(pos_embed.dtype)], dim=1)


def build_vit(
    arch: str,
    patch_size: int,
    *,
    in_chans: int = 3,
    img_size: int = 224,
    drop_path_rate: float = 0.0,
    registers: int = 0,
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
        registers=registers,
    )


def patch_map(tokens: Tensor, grid: Sequence[int], prefix: int = 1) -> Tensor:
    """View patch tokens as a map: (B, prefix + N, D) -> (B, D, h, w)."""
    return tokens[:, prefix:].transpose(1, 2).unflatten(2, tuple(grid))
