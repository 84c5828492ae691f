"""Make the pictures of docs/concepts.md: `python -m tools.concept_pictures docs/pictures`.

They are of the demo's clip and of the built-in backbone, so nothing is downloaded.

Shapes: H W pixels, h w patches, D width, C label channels (objects + background).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vos.backbones.backbone import Backbone
from vos.datasets.demo_clip import demo_frames
from vos.propagation.config import PropagationConfig
from vos.propagation.propagator import LabelPropagator
from vos.visualization.overlay import draw_heatmap, draw_overlay
from vos.visualization.sheets import contact_sheet

AFFINITY = "concepts-affinity.jpg"
LABELS = "concepts-labels.jpg"
_FRAMES = slice(0, 28, 9)  # of the clip, every ninth: what moves is seen to move
_QUALITY = 80
_MARK = (255, 255, 255)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write both pictures into the folder named, and return the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if len(words) != 1 or not Path(words[0]).is_dir():
        print("usage: python -m tools.concept_pictures FOLDER", file=sys.stderr)
        return 2
    from vos.backbones.loading import load_backbone

    clip = list(demo_frames())[_FRAMES]
    backbone = load_backbone("efficientnet_lite0", device="cpu", precision="fp32")
    sheets = concept_sheets([image for image, _ in clip], clip[0][1], backbone)
    for name, sheet in sheets.items():
        path = Path(words[0]) / name
        picture = cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR)
        if not cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]):
            print(f"{path} cannot be written", file=sys.stderr)
            return 1
        print(path)
    return 0


@torch.inference_mode()
def concept_sheets(
    frames: Sequence[NDArray[np.uint8]],
    prompt: NDArray[np.uint8],
    backbone: Backbone,
    config: PropagationConfig | None = None,
) -> dict[str, NDArray[np.uint8]]:
    """Draw how the last frame gets its labels from the first frame and the one before.

    Args:
        frames: RGB (H, W, 3) uint8, at least three.
        prompt: the mask (H, W) uint8 of the first one.
        backbone: computes the features.
        config: settings of the propagation; by default the protocol's. One last frame is kept,
            whatever they say, so that all of the context is in the picture.

    Returns:
        RGB sheets (H, W, 3) uint8 by the names of their files.
    """
    tracker = LabelPropagator(backbone, replace(config or PropagationConfig(), n_last_frames=1))
    masks = [tracker.step(frame, None if i else prompt) for i, frame in enumerate(frames)]
    places = [0, len(frames) - 2]
    first, before, last = tracker.features([frames[i] for i in (*places, len(frames) - 1)])
    context = [(frames[i], features) for i, features in zip(places, (first, before), strict=True)]
    grid = (last.shape[0], last.shape[1])
    rows = [
        _affinity_row(frames[-1], last, context, _middle(masks[-1], number, grid), tracker.config)
        for number in tracker.objects
    ]
    assert tracker.soft_labels is not None  # a mask was given
    shares = tracker.soft_labels[1:].float().cpu().numpy()  # without the background
    labels = [draw_heatmap(frames[-1], share) for share in shares]
    return {
        AFFINITY: contact_sheet(
            rows,
            row_captions=[f"object {number}" for number in tracker.objects],
            column_captions=["a patch of the frame", "in the first frame", "in the frame before"],
        ),
        LABELS: contact_sheet(
            [[*labels, draw_overlay(frames[-1], masks[-1])]],
            column_captions=[*(f"labels of {number}" for number in tracker.objects), "mask"],
        ),
    }


def _affinity_row(
    frame: NDArray[np.uint8],
    features: Tensor,
    context: Sequence[tuple[NDArray[np.uint8], Tensor]],
    patch: tuple[int, int],
    config: PropagationConfig,
) -> list[NDArray[np.uint8]]:
    """Draw a patch, and how similar the patches that it may look at are in each context frame."""
    height, width = features.shape[:2]
    row, column = patch
    away = torch.maximum(
        (torch.arange(height) - row).abs()[:, None], (torch.arange(width) - column).abs()[None]
    )
    cosines = torch.stack([f.float() @ features[row, column].float() for _, f in context])
    if config.neighborhood_radius:
        cosines[:, away > config.neighborhood_radius] = -torch.inf
    strongest = cosines.flatten().topk(config.topk).indices
    floor = cosines[cosines.isfinite()].min()
    pictures = [_outlined(frame, (height, width), [patch])]
    for number, (image, _) in enumerate(context):
        drawn = draw_heatmap(image, cosines[number].maximum(floor).numpy())
        inside = strongest[strongest // (height * width) == number] % (height * width)
        chosen = [divmod(index, width) for index in inside.tolist()]
        pictures.append(_outlined(drawn, (height, width), chosen))
    return pictures


def _outlined(
    image: NDArray[np.uint8], grid: tuple[int, int], patches: Sequence[tuple[int, int]]
) -> NDArray[np.uint8]:
    """Draw white squares around patches (row, column) of a grid (h, w)."""
    result = image.copy()
    y, x = image.shape[0] / grid[0], image.shape[1] / grid[1]
    for row, column in patches:
        corners = (
            (round(column * x), round(row * y)),
            (round((column + 1) * x), round((row + 1) * y)),
        )
        cv2.rectangle(result, *corners, (0, 0, 0), 5)
        cv2.rectangle(result, *corners, _MARK, 2)
    return result


def _middle(mask: NDArray[np.uint8], number: int, grid: tuple[int, int]) -> tuple[int, int]:
    """Return the patch (row, column) that lies deepest inside an object."""
    depth = cv2.distanceTransform((mask == number).view(np.uint8), cv2.DIST_L2, 3)
    y, x = np.unravel_index(depth.argmax(), depth.shape)
    return int(y * grid[0] // mask.shape[0]), int(x * grid[1] // mask.shape[1])


if __name__ == "__main__":
    sys.exit(main())
