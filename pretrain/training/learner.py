"""One optimiser step of pretraining: the algorithm between a batch of crops and new weights.

M. Caron et al., ICCV 2021, algorithm 1 and section 3.2. No files, no data, no clock.
Shapes: V crops, G = 2 global ones, A accumulated batches, B images of each, K outputs.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pretrain.config.pretrain_config import PretrainConfig
from pretrain.distributed import process_count, sum_over_processes
from pretrain.losses.ibot import patch_weights
from pretrain.losses.koleo import koleo_loss
from pretrain.losses.objective import LossOutput
from pretrain.models.block_masks import step_masks
from pretrain.models.student_teacher import (
    build_networks,
    copy_weights,
    ema_update,
    recompute_activations,
)
from pretrain.training.objectives import build_ibot, build_objective
from pretrain.training.optimizers import build_optimizer, clip_each, parameter_groups
from pretrain.training.schedules import Schedules

GLOBAL_VIEWS = 2
_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}


@dataclass
class _Lesson:
    """What the teacher says of a step's images."""

    outputs: Tensor
    """(G, A * B, K)."""
    features: Tensor
    """(G * A * B, D)."""
    masked: Tensor | None = None
    """(G, A * B, h, w) bool, the patches that iBOT's loss hides from the student."""
    patches: Tensor | None = None
    """(n, K) outputs of those patches, one accumulated batch after the other."""


class Learner:
    """Student, teacher, objective and optimiser, and the step that moves them.

    Args:
        config: hyper-parameters.
        schedules: what changes from step to step.
        device: where everything lives.
        precision: "fp32", "bf16" (autocast) or "fp16" (autocast and a loss scaler).
        compile_networks: run the backbones through torch.compile.
        checkpoint_activations: compute the student's activations again in the backward pass.
    """

    def __init__(
        self,
        config: PretrainConfig,
        schedules: Schedules,
        device: torch.device,
        precision: str = "fp32",
        compile_networks: bool = False,
        *,
        checkpoint_activations: bool = False,
    ) -> None:
        self.config = config
        self.schedules = schedules
        self.device = device
        self.precision = precision
        self.step_index = 0
        torch.manual_seed(config.seed)
        self.student, self.teacher = (network.to(device) for network in build_networks(config))
        if checkpoint_activations:
            recompute_activations(self.student.backbone)
        self.objective = build_objective(config, schedules).to(device)
        self.ibot = build_ibot(config, schedules).to(device) if config.ibot_weight else None
        self._spread_over_processes(compile_networks)
        self.optimizer = build_optimizer(config.optimizer, parameter_groups(self.student))
        self.scaler = torch.amp.GradScaler(device.type, enabled=precision == "fp16")

    def _spread_over_processes(self, compile_networks: bool) -> None:
        if process_count() > 1 and self.device.type == "cuda":
            for network in (self.student, self.teacher):
                network.backbone = _with_shared_batch_norms(network.backbone)
        if compile_networks:  # once for each size of crop: there are two
            self.student.backbone.compile(dynamic=False)
            self.teacher.backbone.compile(dynamic=False)
        self._parallel: nn.Module = self.student
        if process_count() > 1:
            ids = [self.device.index] if self.device.type == "cuda" else None
            self._parallel = nn.parallel.DistributedDataParallel(self.student, device_ids=ids)

    @property
    def epoch(self) -> int:
        """The epoch that the next step belongs to."""
        return self.step_index // self.schedules.steps_per_epoch

    def step(self, crops: Sequence[Tensor]) -> dict[str, float]:
        """Take one step on V crops of (A * B, C, H, W) and say how it went.

        A step whose loss or gradients are not finite changes nothing but the position in the
        schedules; `skipped` is then 1.

        Returns:
            Means over all processes by name, and the settings of this step.
        """
        settings = self._apply_schedules()
        # Stochastic depth draws from the global generator: tied to the step, a resumed run
        # draws what the uninterrupted one would have drawn.
        rank = torch.distributed.get_rank() if torch.distributed.is_initialized() else 0
        torch.manual_seed(hash((self.config.seed, self.step_index, rank)) % (1 << 62))
        lesson = self._teach(crops[:GLOBAL_VIEWS])
        stats = self._backward(crops, lesson)
        stats.update(self._gradient_norms())
        stats["feature_std"] = feature_spread(lesson.features)
        measured = _reduce(stats)
        finite = math.isfinite(measured["loss"]) and math.isfinite(measured["grad_norm"])
        self._move(finite, lesson)
        self.step_index += 1
        return {**measured, **settings, "skipped": float(not finite)}

    def _apply_schedules(self) -> dict[str, float]:
        index = self.step_index
        lr = float(self.schedules.lr[index])
        weight_decay = float(self.schedules.weight_decay[index])
        for number, group in enumerate(self.optimizer.param_groups):
            group["lr"] = lr
            if number == 0:
                group["weight_decay"] = weight_decay
        return {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": float(self.schedules.momentum[index]),
            "teacher_temp": float(self.schedules.teacher_temp[self.epoch]),
        }

    @torch.no_grad()
    def _teach(self, crops: Sequence[Tensor]) -> _Lesson:
        masked = self._draw_masks(len(crops[0])) if self.ibot is not None else None
        outputs, features, patches = [], [], []
        parts = _split(crops, self.config.accumulate)
        for part, hidden in zip(parts, _split_masks(masked, len(parts)), strict=True):
            with autocast(self.device, self.precision):
                if hidden is None:
                    part_features = self.teacher.features(part)
                else:  # the teacher sees these patches: it has no mask token
                    part_features, part_patches = self.teacher.patches(part, hidden)
                    patches.append(part_patches.float())
                out = self.teacher.head(part_features)  # (G * B, K)
            out = out.float().view(len(part), -1, out.shape[-1])  # (G * B, K) -> (G, B, K)
            outputs.append(out)
            features.append(part_features.float())
        of_patches = torch.cat(patches) if patches else None
        return _Lesson(torch.cat(outputs, dim=1), torch.cat(features), masked, of_patches)

    def _draw_masks(self, images: int) -> Tensor:
        rank = torch.distributed.get_rank() if torch.distributed.is_initialized() else 0
        masks = step_masks(self.config, self.step_index, rank * images, images, GLOBAL_VIEWS)
        return masks.to(self.device)

    def _backward(self, crops: Sequence[Tensor], lesson: _Lesson) -> dict[str, Tensor]:
        parts = _split(crops, self.config.accumulate)
        targets = self.objective.targets(lesson.outputs, self.epoch).chunk(len(parts), dim=1)
        masks = _split_masks(lesson.masked, len(parts))
        of_patches = self._patch_targets(lesson, masks)
        totals: dict[str, Tensor] = {}
        for number, part in enumerate(parts):
            with self._without_sync(number < len(parts) - 1):
                result = self._compare(part, targets[number], masks[number], of_patches[number])
                self.scaler.scale(result.loss / len(parts)).backward()
            for name, value in {"loss": result.loss.detach(), **result.parts}.items():
                totals[name] = totals.get(name, torch.zeros_like(value)) + value / len(parts)
        return totals

    def _patch_targets(
        self, lesson: _Lesson, masks: Sequence[Tensor | None]
    ) -> Sequence[Tensor | None]:
        """Return the targets (n, K) of each accumulated batch's masked patches."""
        if self.ibot is None or lesson.patches is None:
            return masks  # all None
        counts = [int(mask.sum()) for mask in masks if mask is not None]
        return self.ibot.targets(lesson.patches, self.epoch).split(counts)

    def _compare(
        self,
        crops: Sequence[Tensor],
        targets: Tensor,
        masked: Tensor | None,
        patch_targets: Tensor | None,
    ) -> LossOutput:
        """Return the student's loss for one accumulated batch of crops (B, C, H, W)."""
        added = {"koleo": self.config.koleo_weight, "ibot": self.config.ibot_weight}
        with autocast(self.device, self.precision):
            if not any(added.values()):
                output = self._parallel(crops)
            else:
                output, features, patches = self._parallel(crops, masked, details=True)
        result: LossOutput = self.objective(output, targets)
        values: dict[str, Tensor] = {}
        if added["koleo"]:
            of_crops = [koleo_loss(crop) for crop in features[:GLOBAL_VIEWS]]
            values["koleo"] = torch.stack(of_crops).sum()
        if self.ibot is not None and masked is not None:
            weights = patch_weights(masked.flatten(0, 1))
            values["ibot"] = self.ibot(patches, patch_targets, weights)
        for name, value in values.items():
            result.loss = result.loss + added[name] * value
            result.parts[name] = value.detach()
        return result

    def _without_sync(self, wait: bool) -> AbstractContextManager[None]:
        if wait and isinstance(self._parallel, nn.parallel.DistributedDataParallel):
            quiet: AbstractContextManager[None] = self._parallel.no_sync()
            return quiet
        return contextlib.nullcontext()

    def _gradient_norms(self) -> dict[str, Tensor]:
        self.scaler.unscale_(self.optimizer)
        norms = clip_each(list(self.student.parameters()), self.config.clip_grad)
        return {"grad_norm": norms.mean(), "grad_norm_max": norms.max()}

    def _move(self, finite: bool, lesson: _Lesson) -> None:
        if finite and self.epoch < self.config.freeze_last_layer:
            for name, parameter in self.student.named_parameters():
                if "last_layer" in name:
                    parameter.grad = None
        if finite:
            self.scaler.step(self.optimizer)
            self.objective.update(lesson.outputs)
            if self.ibot is not None and lesson.patches is not None:
                self.ibot.update(lesson.patches)
        self.scaler.update()  # lowers the scale where it found values that are not finite
        self.optimizer.zero_grad(set_to_none=True)
        if self.config.teacher == "previous_epoch":
            if (self.step_index + 1) % self.schedules.steps_per_epoch == 0:
                copy_weights(self.student, self.teacher)
        elif finite:
            momentum = float(self.schedules.momentum[self.step_index])
            ema_update(self.student, self.teacher, momentum)


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Return the context in which networks compute in a precision: fp32, bf16 or fp16."""
    enabled = precision != "fp32"
    dtype = _DTYPES[precision] if enabled else torch.bfloat16
    return torch.autocast(device.type, dtype=dtype, enabled=enabled)


def _with_shared_batch_norms(network: nn.Module) -> nn.Module:
    """Let the batch norms of a network, if it has any, take their statistics over processes."""
    if not any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in network.modules()):
        return network
    # timm's own: PyTorch's drops the activation that some of timm's layers hold
    from timm.layers import convert_sync_batchnorm

    return cast("nn.Module", convert_sync_batchnorm(network))


def feature_spread(features: Tensor) -> Tensor:
    """Return how spread out features (N, D) are: about 1 on a sphere, 0 when all are one point."""
    unit = F.normalize(features, dim=-1)
    return unit.std(dim=0, correction=0).square().sum().sqrt()


def _split(crops: Sequence[Tensor], parts: int) -> list[list[Tensor]]:
    chunks = [crop.chunk(parts) for crop in crops]
    return [list(part) for part in zip(*chunks, strict=True)]


def _split_masks(masked: Tensor | None, parts: int) -> list[Tensor | None]:
    """Split masks (G, A * B, h, w) as `_split` splits crops."""
    return [None] * parts if masked is None else list(masked.chunk(parts, dim=1))


def _reduce(stats: dict[str, Tensor]) -> dict[str, float]:
    """Average over processes with one collective and one copy to the host."""
    stacked = torch.stack([value.detach().float() for value in stats.values()])
    values = (sum_over_processes(stacked) / process_count()).tolist()
    return dict(zip(stats, values, strict=True))
