"""The training objective: a model, its tasks, and what exists only while training.

Shapes: B batch, S image size, K padded labels per image, C outputs, D embedding width.
"""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from vitrail.errors import TrainingError
from vitrail.models import VitrailModel
from vitrail.tasks.losses import (
    classification_loss,
    multilabel_sigmoid_loss,
    multilabel_softmax_loss,
    normalise_targets,
    proxy_logits,
    sample_candidates,
    sampled_softmax_loss,
)
from vitrail.tasks.weighting import TargetWeighting

__all__ = ["Objective", "TaskSpec", "has_label"]


@dataclass(frozen=True, kw_only=True)
class TaskSpec:
    """One loss: which targets of a batch meet which head.

    Attributes:
        name: Key of the targets in a batch.
        kind: What the targets are; `retrieval` tasks share the model's retrieval head.
        head: Name of the model's head.
        num_classes: Proxies of a retrieval task, outputs of any other.
        weighting: Multilabel only: see `normalise_targets`.
        temperature: Retrieval only.
        num_sampled: Multilabel softmax only: logits of this many labels besides those of the batch stand in
            for all; 0 computes all of them.
    """

    name: str
    kind: Literal["multilabel", "classification", "retrieval"]
    head: str
    num_classes: int
    weighting: TargetWeighting = "score"
    temperature: float = 0.05
    num_sampled: int = 0


def has_label(labels: Tensor) -> Tensor:
    """Which images of [B] or [B, K] padded labels have one, bool [B]."""
    present = labels >= 0
    return present.any(dim=1) if present.ndim == 2 else present


class Objective(nn.Module):
    """Computes every task's loss inside `forward`, which is where DDP and FSDP2 synchronise parameters.

    Attributes:
        model: What is served afterwards.
        proxies: One vector per class of each retrieval task; thrown away after training.
        is_trunk_frozen: Leaves the trunk out of the backward pass.
    """

    def __init__(self, model: VitrailModel, tasks: Sequence[TaskSpec]) -> None:
        super().__init__()
        self.model = model
        self.tasks = tuple(tasks)
        self.proxies = nn.ParameterDict(
            {task.name: _create_proxies(task, model) for task in tasks if task.kind == "retrieval"}
        )
        self.is_trunk_frozen = False

    def forward(
        self, images: Tensor, targets: Mapping[str, Tensor], counts: Mapping[str, Tensor], seed: int = 0
    ) -> dict[str, Tensor]:
        """Loss by task for uint8 images [B, 3, S, S]: the sum over labelled images over the task's count.

        Args:
            images: A (micro-)batch.
            targets: As the reader gives them, by task.
            counts: How many images of the global batch have a label, by task; 0 is taken as 1.
            seed: Decides the sample of labels of a sub-sampled head.
        """
        with torch.no_grad() if self.is_trunk_frozen else contextlib.nullcontext():
            pooled_bw = self.model.features(images)
        losses, outputs = {}, {}
        for task in self.tasks:
            if task.num_sampled:
                total = self._sampled_loss(task, pooled_bw, targets, seed)
            else:
                if task.head not in outputs:
                    outputs[task.head] = self.model.heads[task.head](pooled_bw)
                total = self._loss(task, outputs[task.head], targets)
            losses[task.name] = total / counts[task.name].clamp_min(1)
        return losses

    def _loss(self, task: TaskSpec, output: Tensor, targets: Mapping[str, Tensor]) -> Tensor:
        labels = targets[task.name]
        if task.kind == "classification":
            return classification_loss(output, labels)
        if task.kind == "retrieval":
            logits_bc = proxy_logits(output, self.proxies[task.name], task.temperature)
            return classification_loss(logits_bc, labels)
        scores_bk = targets[f"{task.name}/weights"]
        if self._activation(task) == "softmax":
            return multilabel_softmax_loss(output, labels, normalise_targets(labels, scores_bk, task.weighting))
        weights_bk = scores_bk if task.weighting == "score" else torch.ones_like(scores_bk)
        return multilabel_sigmoid_loss(output, labels, weights_bk)

    def _sampled_loss(self, task: TaskSpec, pooled_bw: Tensor, targets: Mapping[str, Tensor], seed: int) -> Tensor:
        labels_bk = targets[task.name]
        targets_bk = normalise_targets(labels_bk, targets[f"{task.name}/weights"], task.weighting)
        candidates_n, correction_n = sample_candidates(labels_bk, task.num_classes, task.num_sampled, seed)
        head = self.model.heads[task.head]
        assert isinstance(head, nn.Linear)  # noqa: S101 - multilabel heads are
        logits_bn = nn.functional.linear(pooled_bw, head.weight[candidates_n], head.bias[candidates_n])
        return sampled_softmax_loss(logits_bn, correction_n, candidates_n, labels_bk, targets_bk)

    def _activation(self, task: TaskSpec) -> str:
        return next(spec.activation for spec in self.model.specs if spec.name == task.head)


def _create_proxies(task: TaskSpec, model: VitrailModel) -> nn.Parameter:
    spec = model.retrieval_spec
    if spec is None:
        raise TrainingError(f"task {task.name!r} needs a retrieval head, and the model has none")
    bound = spec.dim**-0.5
    return nn.Parameter(torch.empty(task.num_classes, spec.dim).uniform_(-bound, bound))
