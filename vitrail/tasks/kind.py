"""What a task kind must say of itself.

Corpora are built and opened with kinds, so their modules import torch only inside the methods that compute.

Shapes: B batch, W trunk width, C outputs of a head, K classes.
"""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from vitrail.contracts.corpus import TaskInfo
from vitrail.contracts.models import HeadSpec
from vitrail.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["EMBEDDING", "OutputPerClass", "TaskKind"]

EMBEDDING = "embedding"  # name of the head that all retrieval tasks share


class TaskKind(ABC):
    """What is true of all tasks of one kind: targets, head, loss, sampling and checks.

    Attributes:
        name: As it stands in `corpus.json`, `tasks.json` and `model.json`.
        targets: Whether an image has one label, a class index; or many, a set of them.
        min_classes: How many classes a task lists at least; 0 when its labels are not listed.
        is_ordered: Whether the order of its classes means something, so that it must be declared.
        output: What its head answers with.
        activations: From logits to probabilities, those that its head may be served with.
        loss: The loss of a task for which the configuration names no other.
    """

    name: ClassVar[str]
    targets: ClassVar[Literal["one", "many"]]
    min_classes: ClassVar[int]
    is_ordered: ClassVar[bool] = False
    output: ClassVar[Literal["probabilities", "embedding"]] = "probabilities"
    activations: ClassVar[tuple[str, ...]] = ()
    loss: ClassVar[str]

    def find_problem(self, task: TaskInfo) -> str | None:
        """What is wrong with the declaration of a task, or None."""
        if not self.min_classes:
            return f"a {self.name} task lists no classes" if task.classes else None
        if len(task.classes) < self.min_classes:
            return f"a {self.name} task lists {self.min_classes} classes or more, not {len(task.classes)}"
        if len(set(task.classes)) < len(task.classes):
            return f"it lists a class twice ({', '.join(task.classes)})"
        return None

    @abstractmethod
    def head(self, task: TaskInfo, *, activation: str, embedding_dim: int) -> HeadSpec:
        """The head that a task is trained with; tasks that name the same head share it."""

    @abstractmethod
    def check_head(self, spec: HeadSpec) -> None:
        """Refuses a head that cannot be.

        Raises:
            ModelError: Its outputs, classes or activation do not fit each other.
        """

    @abstractmethod
    def create_head(self, spec: HeadSpec, width: int) -> "nn.Module":
        """The head on pooled features [B, W]; its output is logits [B, C] or unit vectors [B, D]."""

    @abstractmethod
    def to_probabilities(self, spec: HeadSpec, logits_bc: "Tensor") -> "Tensor":
        """Probabilities [B, K] of the head's classes."""

    def summarise(self, spec: HeadSpec, probabilities_k: NDArray[np.float32]) -> dict[str, float]:
        """What else an endpoint says of one image, by name; nothing by default."""
        return {}

    def balance(self, power: float) -> float:
        """Images are drawn by class frequency to minus this, where the configuration says `power`."""
        return power

    def _check_activation(self, spec: HeadSpec) -> None:
        if spec.activation not in self.activations:
            known = ", ".join(self.activations)
            raise ModelError(f"head {spec.name!r}: a {self.name} head gives {known}, not {spec.activation!r}")


class OutputPerClass(TaskKind):
    """A kind whose tasks have a head of their own, with an output for each class."""

    def head(self, task: TaskInfo, *, activation: str, embedding_dim: int) -> HeadSpec:
        """Outputs are in the order of the task's classes."""
        return HeadSpec(
            name=task.name, kind=self.name, dim=len(task.classes), classes=task.classes, activation=activation
        )

    def check_head(self, spec: HeadSpec) -> None:
        """As many outputs as classes, where those are listed."""
        self._check_activation(spec)
        if spec.dim < 1 or (spec.classes and len(spec.classes) != spec.dim):
            raise ModelError(f"head {spec.name!r}: dim={spec.dim} does not fit {len(spec.classes)} classes")
