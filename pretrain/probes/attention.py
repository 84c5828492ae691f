"""Looks at the teacher on the way: k-NN accuracy, attention maps, label propagation.

k-NN: M. Caron et al., ICCV 2021, section 4.1 (k = 20, votes exp(s / 0.07)); attention: figure 1.
Shapes: N labelled images, D width, h w patches, S side of the network's input.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pretrain.config.pretrain_config import PretrainConfig
from pretrain.config.run_config import RunConfig
from pretrain.data.device_augmentations import network_input
from pretrain.probe_davis import davis_j_and_f
from pretrain.sources.mixture import Mixture
from pretrain.sources.previews import center_crop, read_rgb
from pretrain.training.learner import Learner, autocast
from vos.errors import InputError
from vos.video.images import write_image

NEIGHBOURS = 20


TEMPERATURE = 0.07


_QUERY_EVERY = 5  # every fifth image of a class is asked for, the others are its neighbours


_MOST_IMAGES = 10_000


_SHOWN = 6


_BATCH = 64


class Probes:
    """All looks that the settings ask for.

    Raises:
        InputError: the labelled folder has fewer than two classes, or data are not there.
    """

    def __init__(self, config: PretrainConfig, run: RunConfig, mixture: Mixture) -> None:
        self.config, self.run = config, run
        self.labelled = (
            Mixture([run.knn_data], options=run.source_options) if run.knn_data else None
        )
        if self.labelled is not None:
            self.chosen, self.labels = labelled_images(self.labelled)
        shown = mixture
        if run.attention_images:
            shown = Mixture([run.attention_images], options=run.source_options)
        self.pictures = _some_images(shown, config.global_crops_size) if config.is_vit else []

    def look(self, learner: Learner, step: int) -> tuple[dict[str, float], dict[str, np.ndarray]]:
        """Return named numbers and named (H, W, 3) uint8 pictures of the teacher's backbone.

        The network computes on the run's device and in its precision. Pictures are written to the
        run's folder too.
        """
        backbone = learner.teacher.backbone
        numbers: dict[str, float] = {}
        pictures: dict[str, np.ndarray] = {}
        was_training = backbone.training
        backbone.eval()
        try:
            if self.labelled is not None:
                with autocast(learner.device, learner.precision):
                    features = self._features(backbone, learner.device)
                numbers.update(knn_accuracy(features, self.labels))
            if self.pictures:
                with autocast(learner.device, learner.precision):
                    sheet = attention_sheet(backbone, self.pictures, self.config, learner.device)
                pictures["attention"] = sheet
                target = self.run.output_dir / "attention" / f"step-{step:08d}.png"
                write_image(target, pictures["attention"])
            if self.run.davis_path is not None:
                numbers.update(davis_j_and_f(learner, self.config, self.run))
        finally:
            backbone.train(was_training)
        return numbers, pictures

    @torch.no_grad()
    def _features(self, backbone: nn.Module, device: torch.device) -> Tensor:
        assert self.labelled is not None
        size = self.config.global_crops_size
        parts = []
        for start in range(0, len(self.chosen), _BATCH):
            indexes = self.chosen[start : start + _BATCH]
            crops = [center_crop(read_rgb(self.labelled, int(i)), size) for i in indexes]
            parts.append(backbone(network_input(crops, self.config.in_chans).to(device)).float())
        return F.normalize(torch.cat(parts), dim=-1).cpu()


def labelled_images(mixture: Mixture) -> tuple[np.ndarray, np.ndarray]:
    """Choose images of a labelled mixture; the folder an image lies in is its class.

    Returns:
        (N,) sample numbers and (N,) class numbers, N at most 10,000, spread evenly.

    Raises:
        InputError: fewer than two classes.
    """
    classes: dict[str, int] = {}
    labels = np.empty(len(mixture), dtype=np.int64)
    for index in range(len(mixture)):
        folder = str(PurePosixPath(mixture.name(index)).parent)
        labels[index] = classes.setdefault(folder, len(classes))
    if len(classes) < 2:
        raise InputError("k-NN needs a folder with at least two class folders of images in it")
    count = min(len(mixture), _MOST_IMAGES)
    chosen = np.linspace(0, len(mixture) - 1, count).round().astype(np.int64)
    return chosen, labels[chosen]


def knn_accuracy(features: Tensor, labels: np.ndarray) -> dict[str, float]:
    """Classify every fifth image by its nearest neighbours among the others.

    Args:
        features: (N, D) of length 1.
        labels: (N,) class numbers.

    Returns:
        Shares from 0 to 1 of queries whose class is first, and among the first five.
    """
    asked = np.arange(len(labels)) % _QUERY_EVERY == 0
    target = torch.from_numpy(labels)
    known, known_labels = features[~asked], target[~asked]
    queries, query_labels = features[asked], target[asked]
    k = min(NEIGHBOURS, len(known))
    similarity, nearest = (queries @ known.T).topk(k, dim=1)
    votes = torch.zeros(len(queries), int(target.max()) + 1)
    votes.scatter_add_(1, known_labels[nearest], (similarity / TEMPERATURE).exp())
    ranked = votes.topk(min(5, votes.shape[1]), dim=1).indices
    right = ranked == query_labels[:, None]
    return {
        "knn_top1": right[:, 0].float().mean().item(),
        "knn_top5": right.any(dim=1).float().mean().item(),
    }


def _some_images(mixture: Mixture, size: int) -> list[np.ndarray]:
    places = np.linspace(0, len(mixture) - 1, min(_SHOWN, len(mixture))).astype(int)
    return [center_crop(read_rgb(mixture, int(i)), 2 * size) for i in places]


@torch.no_grad()
def attention_sheet(
    backbone: nn.Module, images: Sequence[np.ndarray], config: PretrainConfig, device: torch.device
) -> np.ndarray:
    """Draw a row per image: the image, then what each head's class token looks at.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    network: Any = backbone
    rows = []
    for image in images:
        side = image.shape[0]
        batch = network_input([image], config.in_chans).to(device)
        attention = network.class_attention(batch)[0].float().cpu().numpy()
        grid = side // config.patch_size
        maps = attention.reshape(len(attention), grid, grid)
        rows.append(np.concatenate([image, *(_heat(m, side) for m in maps)], axis=1))
    return np.concatenate(rows, axis=0)


def _heat(weights: np.ndarray, side: int) -> np.ndarray:
    low, high = float(weights.min()), float(weights.max())
    scaled = (255 * (weights - low) / max(high - low, 1e-12)).astype(np.uint8)
    large = cv2.resize(scaled, (side, side), interpolation=cv2.INTER_NEAREST)
    return cv2.cvtColor(cv2.applyColorMap(large, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
