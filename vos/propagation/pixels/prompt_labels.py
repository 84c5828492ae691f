"""From a given mask to labels of patches.

Shapes: H W pixels, h w patches, P = h * w, C = 1 + objects, background first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vos.masks.ids import VOID, resize_nearest


def prompt_labels(
    prompt: np.ndarray,
    objects: Sequence[int],
    predicted: Tensor | None,
    grid: tuple[int, int],
    *,
    sampling: Literal["nearest", "bilinear", "area"],
    stride: int,
) -> Tensor:
    """Label a prompted frame: what the prompt says, and what was predicted where it is silent.

    An object that the prompt holds is where the prompt says and nowhere else. Void pixels are
    left to the prediction, and so are objects that the prompt does not hold.

    Args:
        prompt: uint8 (H, W) with object ids, 0 background, 255 void.
        objects: ids of channels 1 to C - 1, all of the prompt's among them.
        predicted: (P, C') float32 of the first C' channels, None where nothing was.
        grid: h and w.
        sampling: nearest: the object at a patch's centre, as in the published protocol; bilinear:
            shares of the four nearest pixels of the network's input, as in the code of videowalk
            and CropMAE; area: the share of a patch that each object covers.
        stride: pixels of the network's input that a patch is wide.

    Returns:
        (P, C) float32 on the prediction's device.
    """
    ids = [0, *objects, VOID]
    shares = _shares(prompt, ids, grid, sampling, stride)  # (P, C + 1)
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
    prompt: np.ndarray, ids: Sequence[int], grid: tuple[int, int], sampling: str, stride: int
) -> Tensor:
    """Return the share of each patch that each id has, (P, ids) float32."""
    h, w = grid
    if sampling == "nearest":
        small = torch.from_numpy(resize_nearest(prompt, h, w).reshape(-1).astype(np.int64))  # (P,)
        return (small.unsqueeze(1) == torch.tensor(list(ids))).float()
    if sampling == "bilinear":
        size = (w * stride, h * stride)
        prompt = np.asarray(cv2.resize(prompt, size, interpolation=cv2.INTER_NEAREST))
    whole = torch.from_numpy(np.stack([prompt == i for i in ids])).float()  # (ids, H, W)
    if sampling == "bilinear":
        maps = F.interpolate(whole[None], size=grid, mode="bilinear", align_corners=False)[0]
    else:
        resized = [cv2.resize(m.numpy(), (w, h), interpolation=cv2.INTER_AREA) for m in whole]
        maps = torch.from_numpy(np.stack(resized))
    return maps.flatten(1).T.contiguous()  # (ids, h, w) -> (P, ids)


def with_prompt(mask: np.ndarray, prompt: np.ndarray, given: tuple[int, ...]) -> np.ndarray:
    """Put a prompt over a predicted mask, leaving its void pixels and other objects alone.

    Args:
        mask: uint8 (H, W) of ids.
        prompt: uint8 (H, W) of ids, 0 background, 255 void.
        given: the ids of the prompt's objects.

    Returns:
        uint8 (H, W) of ids.
    """
    drawn = np.isin(prompt, given)
    erased = np.isin(mask, given) & (prompt != VOID)
    return np.where(drawn, prompt, np.where(erased, 0, mask)).astype(np.uint8)
