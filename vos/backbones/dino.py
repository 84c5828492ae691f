"""DINO's ViT as a frozen backbone.

Features follow Caron et al. 2021, section 4.2: the patch tokens of the last block after the final
norm. Shapes: B batch, D width, H' W' pixels of the network's input, h w patches.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from vos.backbones.backbone import GRAY_MEAN, GRAY_STD, Backbone
from vos.backbones.input_size import IMAGENET_MEAN, PROTOCOL_STD
from vos.backbones.networks.vit import VisionTransformer, patch_map
from vos.backbones.weights_record import WeightsRecord


class DinoViT(Backbone):
    """DINO's ViT with the protocol's position embeddings and normalisation.

    A network of one channel takes the luminance, normalised as in its training.
    """

    network: VisionTransformer
    has_class_token = True
    has_class_attention = True
    needs_whole_patches = True
    runs_channels_last = False

    def __init__(self, network: VisionTransformer, record: WeightsRecord) -> None:
        gray = network.patch_embed.proj.in_channels == 1
        super().__init__(
            network,
            stride=network.patch_embed.patch_size[0],
            dim=network.embed_dim,
            mean=GRAY_MEAN if gray else IMAGENET_MEAN,
            std=GRAY_STD if gray else PROTOCOL_STD,
            record=record,
        )
        self.depth = len(network.blocks)

    def block_features(
        self, images: Tensor, numbers: Sequence[int]
    ) -> list[tuple[Tensor, Tensor | None]]:
        """Compute the map (B, D, h, w) and the class token (B, D) of each block."""
        first = min(numbers)
        tokens = self.network.layers(images, self.depth - first)
        grid = self._grid(images)
        chosen = [tokens[number - first] for number in numbers]
        return [(patch_map(t, grid, self.network.prefix), t[:, 0]) for t in chosen]

    def class_attention(self, images: Tensor) -> Tensor:
        """Return the [CLS] attention of the last block, (B, heads, h, w) float32."""
        attention = self.network.class_attention(self.to_input(images))
        return attention.unflatten(2, self._grid(images))  # (B, heads, h * w) -> (B, heads, h, w)

    def _grid(self, images: Tensor) -> tuple[int, int]:
        return images.shape[-2] // self.stride, images.shape[-1] // self.stride
