"""Looks at the teacher on the way: k-NN accuracy, attention maps, label propagation."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pretrain.config.pretrain_config import PretrainConfig
from pretrain.config.run_config import RunConfig
from pretrain.data.device_augmentations import network_input
from pretrain.probes.attention import attention_sheet, sample_images
from pretrain.probes.davis import davis_j_and_f
from pretrain.probes.knn import knn_accuracy, labeled_images
from pretrain.sources.mixture import Mixture
from pretrain.sources.previews import center_crop, read_rgb
from pretrain.training.learner import Learner, autocast
from vos.files import write_png

_BATCH = 64


class Probes:
    """All looks that the settings ask for.

    Raises:
        InputError: the labelled folder has fewer than two classes, or data are not there.
    """

    def __init__(self, config: PretrainConfig, run: RunConfig, mixture: Mixture) -> None:
        self.config, self.run = config, run
        self.labeled = (
            Mixture([run.probes.knn_data], options=run.sources) if run.probes.knn_data else None
        )
        if self.labeled is not None:
            self.chosen, self.labels = labeled_images(self.labeled)
        source = mixture
        if run.probes.attention_images:
            source = Mixture([run.probes.attention_images], options=run.sources)
        self.pictures = sample_images(source, config.global_crops_size) if config.is_vit else []

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
            if self.labeled is not None:
                with autocast(learner.device, learner.precision):
                    features = self._features(backbone, learner.device)
                numbers.update(knn_accuracy(features, self.labels))
            if self.pictures:
                with autocast(learner.device, learner.precision):
                    sheet = attention_sheet(backbone, self.pictures, self.config, learner.device)
                pictures["attention"] = sheet
                target = self.run.output_dir / "attention" / f"step-{step:08d}.png"
                write_png(target, pictures["attention"])
            if self.run.probes.davis_path is not None:
                numbers.update(davis_j_and_f(learner, self.config, self.run))
        finally:
            backbone.train(was_training)
        return numbers, pictures

    @torch.no_grad()
    def _features(self, backbone: nn.Module, device: torch.device) -> Tensor:
        assert self.labeled is not None
        size = self.config.global_crops_size
        parts = []
        for start in range(0, len(self.chosen), _BATCH):
            indexes = self.chosen[start : start + _BATCH]
            crops = [center_crop(read_rgb(self.labeled, int(i)), size) for i in indexes]
            parts.append(backbone(network_input(crops, self.config.in_chans).to(device)).float())
        return F.normalize(torch.cat(parts), dim=-1).cpu()
