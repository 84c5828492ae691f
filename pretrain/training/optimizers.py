"""Optimisers and parameter groups of pretraining.

Weight decay falls on the first group alone; biases and one-dimensional parameters are the second
(M. Caron et al., ICCV 2021). LARS after Y. You et al., "Large Batch Training of Convolutional
Networks", 2017, section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn


def parameter_groups(network: nn.Module) -> list[dict[str, Any]]:
    """Return two groups: decayed parameters, then those without decay, in the module's order."""
    decayed: list[Tensor] = []
    plain: list[Tensor] = []
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            bare = name.endswith(".bias") or parameter.ndim == 1
            (plain if bare else decayed).append(parameter)
    return [{"params": decayed}, {"params": plain, "weight_decay": 0.0}]


class LARS(torch.optim.Optimizer):
    """SGD with momentum whose step is scaled, layer by layer, to the weights' own length.

    One-dimensional parameters are neither decayed nor scaled.

    Args:
        params: parameters or groups.
        lr: learning rate.
        weight_decay: L2 penalty of parameters with two or more dimensions.
        momentum: momentum.
        trust: the trust coefficient of the layer-wise rate.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 0.0,
        weight_decay: float = 0.0,
        momentum: float = 0.9,
        trust: float = 0.001,
    ) -> None:
        defaults = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "trust": trust}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient; a closure is not used."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, group)

    def _update(self, parameter: Tensor, group: dict[str, Any]) -> None:
        direction = parameter.grad
        assert direction is not None
        if parameter.ndim > 1:
            direction = direction.add(parameter, alpha=group["weight_decay"])
            weight_norm, step_norm = parameter.norm(), direction.norm()
            scaled = group["trust"] * weight_norm / step_norm
            ratio = torch.where((weight_norm > 0) & (step_norm > 0), scaled, 1.0)
            direction = direction * ratio
        state = self.state[parameter]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        state["momentum_buffer"].mul_(group["momentum"]).add_(direction)
        parameter.add_(state["momentum_buffer"], alpha=-group["lr"])


def build_optimizer(name: str, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """Build adamw, sgd or lars; learning rate and decay are set at every step."""
    if name == "adamw":
        on_gpu = all(p.is_cuda for group in groups for p in group["params"])
        return torch.optim.AdamW(groups, fused=True) if on_gpu else torch.optim.AdamW(groups)
    if name == "sgd":
        return torch.optim.SGD(groups, lr=0.0, momentum=0.9)
    return LARS(groups)


def clip_each(parameters: list[Tensor], limit: float) -> Tensor:
    """Scale each gradient down to `limit` by its own norm, in place; 0 leaves them.

    Returns:
        (P,) float32 norms before clipping.
    """
    gradients = [p.grad for p in parameters if p.grad is not None]
    norms = torch.stack(torch._foreach_norm(gradients)).float()
    if limit:
        factors = (limit / (norms + 1e-6)).clamp(max=1.0)
        torch._foreach_mul_(gradients, list(factors.unbind()))
    return norms
