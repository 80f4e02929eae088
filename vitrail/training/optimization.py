"""Parameter groups, learning rate and the moving average of weights."""

import contextlib
import math
from collections.abc import Iterable, Iterator
from typing import Any

import timm.optim
import torch
from torch import Tensor, nn

from vitrail.training.config import OptimizerConfig, ScheduleConfig
from vitrail.training.objective import Objective

__all__ = ["MovingAverage", "create_optimizer", "learning_rate_factor", "set_learning_rate", "step_unless"]

_EMA_RAMP = 10  # the average starts short: decay at step t is at most (1 + t) / (10 + t)


def learning_rate_factor(step: int, schedule: ScheduleConfig) -> float:
    """Share of the learning rate used for the 0-based `step`: linear warm-up, then cosine or linear to 0."""
    if step < schedule.warmup_steps:
        return (step + 1) / schedule.warmup_steps
    rest = schedule.num_steps - schedule.warmup_steps
    progress = (step - schedule.warmup_steps) / rest
    return 0.5 * (1 + math.cos(math.pi * progress)) if schedule.shape == "cosine" else 1 - progress


def create_optimizer(objective: Objective, config: OptimizerConfig) -> torch.optim.Optimizer:
    """AdamW or SGD over parameter groups with their own weight decay and `lr_scale`."""
    groups = _parameter_groups(objective, config)
    if config.name == "sgd":
        return torch.optim.SGD(groups, lr=config.learning_rate, momentum=config.momentum)
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=config.betas, fused=True)


def _parameter_groups(objective: Objective, config: OptimizerConfig) -> list[dict[str, Any]]:
    trunk: Any = objective.model.trunk  # timm's protocol has no type
    exempt = trunk.no_weight_decay() if hasattr(trunk, "no_weight_decay") else ()
    if config.layer_decay < 1:
        groups = timm.optim.param_groups_layer_decay(trunk, config.weight_decay, exempt, layer_decay=config.layer_decay)
    else:
        groups = timm.optim.param_groups_weight_decay(trunk, config.weight_decay, exempt)
    groups += timm.optim.param_groups_weight_decay(objective.model.heads, config.weight_decay)
    groups.append({"params": list(objective.proxies.parameters()), "weight_decay": 0.0})
    return [{"lr_scale": 1.0, **group} for group in groups if group["params"]]


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Sets every group's rate, scaled by its `lr_scale`."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate * group["lr_scale"]


@torch.no_grad()
def step_unless(is_bad: Tensor, optimizer: torch.optim.Optimizer) -> None:
    """Takes a step that changes no weight where `is_bad`, a scalar on the device, is 1: nobody waits for its value."""
    if isinstance(optimizer, torch.optim.AdamW):
        optimizer.found_inf = is_bad  # type: ignore[attr-defined]  # what fused kernels take from a gradient scaler
        optimizer.step()
        return
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    before = [parameter.clone() for parameter in parameters]
    optimizer.step()
    for parameter, old in zip(parameters, before, strict=True):
        parameter.copy_(torch.where(is_bad == 0, parameter, old))


class MovingAverage:
    """Exponential moving average of the parameters of a module."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self._decay = decay
        self._module = module
        self.tensors: dict[str, Tensor] = {
            name: parameter.detach().clone() for name, parameter in module.named_parameters()
        }

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Gives the module the average for a while, and then its own parameters again, bit for bit."""
        parameters: list[Tensor] = list(self._module.parameters())
        own = [parameter.detach().clone() for parameter in parameters]
        _copy(self.tensors.values(), parameters)
        try:
            yield
        finally:
            _copy(own, parameters)

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Moves the average towards the current parameters."""
        share = 1 - min(self._decay, (1 + step) / (_EMA_RAMP + step))
        torch._foreach_lerp_(list(self.tensors.values()), list(self._module.parameters()), share)


@torch.no_grad()
def _copy(values: Iterable[Tensor], parameters: Iterable[Tensor]) -> None:
    for value, parameter in zip(values, parameters, strict=True):
        parameter.copy_(value)
