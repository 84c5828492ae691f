"""From a given mask to labels of patches.

Shapes: H W pixels, h w patches, P = h * w, C = 1 + objects, background first.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor

from vos.masks.ids import VOID, resize_nearest


def prompt_labels(
    prompt: np.ndarray,
    objects: Sequence[int],
    predicted: Tensor | None,
    grid: tuple[int, int],
    *,
    areas: bool,
) -> Tensor:
    """Label a prompted frame: what the prompt says, and what was predicted where it is silent.

    An object that the prompt holds is where the prompt says and nowhere else. Void pixels are
    left to the prediction, and so are objects that the prompt does not hold.

    Args:
        prompt: uint8 (H, W) with object ids, 0 background, 255 void.
        objects: ids of channels 1 to C - 1, all of the prompt's among them.
        predicted: (P, C') float32 of the first C' channels, None where nothing was.
        grid: h and w.
        areas: take the share of a patch that each object covers; else the object at the patch's
            centre, as the published protocol does.

    Returns:
        (P, C) float32 on the prediction's device.
    """
    shares = _shares(prompt, [0, *objects, VOID], grid, areas=areas)  # (P, C + 1)
    given, void = shares[:, :-1], shares[:, -1:]
    if predicted is None:
        return given.contiguous()
    given, void = given.to(predicted.device), void.to(predicted.device)
    before = torch.zeros(len(given), 1 + len(objects), device=predicted.device)
    before[:, : predicted.shape[1]] = predicted
    beside = before.clone()
    for channel, object_id in enumerate(objects, start=1):
        if (prompt == object_id).any():
            beside[:, 0] += beside[:, channel]
            beside[:, channel] = 0
    labels = given[:, :1] * beside + void * before
    labels[:, 1:] += given[:, 1:]
    return labels


def _shares(
    prompt: np.ndarray, ids: Sequence[int], grid: tuple[int, int], *, areas: bool
) -> Tensor:
    """Return the share of each patch that each id has, (P, ids) float32; of one id or by area."""
    if not areas:
        small = torch.from_numpy(resize_nearest(prompt, *grid).reshape(-1).astype(np.int64))
        return (small.unsqueeze(1) == torch.tensor(list(ids))).float()
    h, w = grid
    maps = [
        cv2.resize((prompt == i).astype(np.float32), (w, h), interpolation=cv2.INTER_AREA)
        for i in ids
    ]
    return torch.from_numpy(
        np.stack(maps).reshape(len(ids), -1).T.copy()
    )  # (ids, h, w) -> (P, ids)
