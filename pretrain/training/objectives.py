"""The losses of a run, built from its settings."""

from __future__ import annotations

from pretrain.config.pretrain_config import PretrainConfig
from pretrain.losses.byol import BYOLLoss
from pretrain.losses.dino import DINOLoss
from pretrain.losses.ibot import IBOTLoss
from pretrain.losses.moco import MoCoLoss
from pretrain.losses.objective import Objective
from pretrain.losses.swav import SwAVLoss
from pretrain.training.schedules import Schedules


def build_objective(config: PretrainConfig, schedules: Schedules) -> Objective:
    """Build the loss of the configured method."""
    if config.method == "byol":
        return BYOLLoss()
    if config.method == "moco_v2":
        return MoCoLoss(config.head_bottleneck_dim, config.queue_size, config.contrastive_temp)
    if config.method == "swav":
        return SwAVLoss(config.student_temp, config.sinkhorn_epsilon, config.sinkhorn_iterations)
    return DINOLoss(
        config.out_dim,
        [float(t) for t in schedules.teacher_temp],
        student_temp=config.student_temp,
        center_momentum=config.center_momentum,
        method=config.targets,
        comparison=config.loss,
        sinkhorn_iterations=config.sinkhorn_iterations,
    )


def build_ibot(config: PretrainConfig, schedules: Schedules) -> IBOTLoss:
    """Build the loss of masked patches, with the temperatures and targets of the class token's."""
    return IBOTLoss(
        config.out_dim,
        [float(t) for t in schedules.teacher_temp],
        student_temp=config.student_temp,
        center_momentum=config.center_momentum,
        method=config.targets,
        sinkhorn_iterations=config.sinkhorn_iterations,
    )
