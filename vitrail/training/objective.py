"""The training objective: a model, its tasks, and what exists only while training.

Shapes: B batch, S image size, K padded labels per image, D embedding width.
"""

import contextlib
import functools
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import torch
from torch import Tensor, nn

from vitrail.corpus.reader.targets import WEIGHTS
from vitrail.errors import TrainingError
from vitrail.models import VitrailModel
from vitrail.tasks import LossInputs, TaskSpec
from vitrail.tasks.candidates import CANDIDATES, CORRECTION, sample_candidates

__all__ = ["Objective"]

_NONE: Mapping[str, Tensor] = MappingProxyType({})


class Objective(nn.Module):
    """Computes every task's loss inside `forward`, which is where DDP and FSDP2 synchronise parameters.

    Attributes:
        model: What is served afterwards.
        proxies: One vector per class of each task whose loss has proxies; thrown away after training.
        is_trunk_frozen: Leaves the trunk out of the backward pass.
    """

    def __init__(self, model: VitrailModel, tasks: Sequence[TaskSpec], idf: Mapping[str, Tensor] = _NONE) -> None:
        """Takes the model and its tasks; `idf` has the weights [C] of each task that weighs its labels by rarity."""
        super().__init__()
        self.model = model
        self.tasks = tuple(tasks)
        self.proxies = nn.ParameterDict(
            {task.name: _create_proxies(task, model) for task in tasks if task.loss.has_proxies}
        )
        self.is_trunk_frozen = False
        for name, weights_c in idf.items():
            self.register_buffer(_idf_buffer(name), weights_c, persistent=False)

    def features(self, images: Tensor) -> Tensor:
        """Pooled features [B, W] of uint8 images [B, 3, S, S]."""
        return self.model.features(images)

    def draw(self, targets: Mapping[str, Tensor], seed: int) -> dict[str, Tensor]:
        """What sub-sampled heads need beside the targets of a (micro-)batch on the CPU; decided by `seed`."""
        drawn: dict[str, Tensor] = {}
        for task in self.tasks:
            if task.num_sampled:
                candidates_n, correction_n = sample_candidates(
                    targets[task.name], task.num_classes, task.num_sampled, seed
                )
                drawn |= {task.name + CANDIDATES: candidates_n, task.name + CORRECTION: correction_n}
        return drawn

    def forward(self, images: Tensor, targets: Mapping[str, Tensor], counts: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Loss by task for uint8 images [B, 3, S, S]: the sum over labelled images over the task's count.

        Args:
            images: A (micro-)batch.
            targets: As the reader gives them, by task, and what `draw` adds.
            counts: How many images of the global batch have a label, by task; 0 is taken as 1.
        """
        with torch.no_grad() if self.is_trunk_frozen else contextlib.nullcontext():
            pooled_bw = self.model.features(images)
        losses: dict[str, Tensor] = {}
        outputs: dict[str, Tensor] = {}

        def output_of(head: str) -> Tensor:
            if head not in outputs:
                outputs[head] = self.model.heads[head](pooled_bw)
            return outputs[head]

        for task in self.tasks:
            inputs = LossInputs(
                features_bw=pooled_bw,
                head=self.model.heads[task.head],
                output=functools.partial(output_of, task.head),
                labels=targets[task.name],
                weights_bk=targets.get(task.name + WEIGHTS),
                proxies_cd=self.proxies[task.name] if task.loss.has_proxies else None,
                idf_c=getattr(self, _idf_buffer(task.name), None),
                candidates_n=targets.get(task.name + CANDIDATES),
                correction_n=targets.get(task.name + CORRECTION),
            )
            losses[task.name] = task.loss.compute(task, inputs) / counts[task.name].clamp_min(1)
        return losses


def _idf_buffer(task: str) -> str:
    return f"idf_of_{task}"


def _create_proxies(task: TaskSpec, model: VitrailModel) -> nn.Parameter:
    spec = model.retrieval_spec
    if spec is None:
        raise TrainingError(f"task {task.name!r} needs a retrieval head, and the model has none")
    bound = spec.dim**-0.5
    return nn.Parameter(torch.empty(task.num_classes, spec.dim).uniform_(-bound, bound))
