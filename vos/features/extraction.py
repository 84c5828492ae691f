"""Features of pictures and videos on their own, for use elsewhere: patch and class tokens.

Shapes: B batch, L layers, D width, H W pixels of a frame, H' W' pixels of the network's input,
h w patches.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vos.backbones.backbone import Backbone
from vos.features.request import FeatureRequest
from vos.features.writers import FeatureWriter


def frame_arrays(
    backbone: Backbone, frame: NDArray[np.uint8], request: FeatureRequest
) -> dict[str, NDArray[np.floating[Any]]]:
    """Return a frame's features by name, as they are stored.

    Returns:
        `patches` (D, h, w), or (L, D, h, w) with several layers; and `class_token` (D,) or (L, D)
        if asked for; float32 or float16.
    """
    image = request.network_input(backbone, frame)
    features = backbone.features(image, layers=request.layers, class_token=request.class_token)
    by_name = {"patches": features.patches[0]}
    if features.class_tokens is not None:
        by_name["class_token"] = features.class_tokens[0]
    dtype = torch.float16 if request.half else torch.float32
    single_layer = len(request.layers) == 1
    return {
        name: (values[0] if single_layer else values).to(dtype).cpu().numpy()
        for name, values in by_name.items()
    }


def add_frame(
    writer: FeatureWriter,
    backbone: Backbone,
    name: str,
    frame: NDArray[np.uint8],
    request: FeatureRequest,
) -> bool:
    """Compute a frame's features and hand them to a writer, unless it has them.

    Returns:
        Whether they were computed.
    """
    if writer.has(name):
        return False
    writer.add(name, frame_arrays(backbone, frame, request))
    return True
