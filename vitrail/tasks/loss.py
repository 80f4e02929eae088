"""What a loss must say of itself, and what it is given.

Shapes: B batch, W trunk width, K padded labels per image, C outputs, D embedding width.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from vitrail.tasks.weighting import TargetWeighting

__all__ = ["NO_LABEL", "Loss", "LossInputs", "TaskSpec"]

NO_LABEL = -1  # padding, and the class index of an image without label


@dataclass(frozen=True, kw_only=True)
class TaskSpec:
    """One loss: which targets of a batch meet which head, and how.

    Attributes:
        name: Key of the targets in a batch.
        head: Name of the model's head.
        loss: What is computed.
        num_classes: Proxies of a loss that has them, outputs of the head for any other.
        weighting: How the labels of an image share its target, where it has several.
        temperature: Of a softmax over proxies.
        num_sampled: Logits of this many labels besides those of the batch stand in for all; 0 computes all of them.
    """

    name: str
    head: str
    loss: "Loss"
    num_classes: int
    weighting: TargetWeighting = "score"
    temperature: float = 0.05
    num_sampled: int = 0


@dataclass
class LossInputs:
    """What a loss may look at, for the images of a (micro-)batch.

    Attributes:
        features_bw: Pooled features [B, W].
        head: The task's head.
        output: The head's output on the features, computed at most once however many tasks ask for it.
        labels: Class indices [B], or padded ones [B, K].
        weights_bk: Of padded labels, in [0, 1].
        proxies_cd: One vector a class [C, D], for a loss that has proxies.
        idf_c: Weight of each label by its rarity, of `vitrail.tasks.label_weights`, where the task weighs by it.
        candidates_n: Labels [N] that stand in for all, of `vitrail.tasks.candidates`, where the task samples them.
        correction_n: What to add to their logits [N].
    """

    features_bw: Tensor
    head: nn.Module
    output: Callable[[], Tensor]
    labels: Tensor
    weights_bk: Tensor | None
    proxies_cd: Tensor | None
    idf_c: Tensor | None
    candidates_n: Tensor | None
    correction_n: Tensor | None


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A loss: a function, and what must be known to use it.

    Attributes:
        kinds: Task kinds whose targets and heads it is made for.
        activation: What the logits that it trains mean: from logits to the probabilities that are served.
        compute: The sum over the images of a batch, a scalar.
        has_proxies: It learns one vector a class besides the model.
    """

    kinds: tuple[str, ...]
    activation: str
    compute: Callable[[TaskSpec, LossInputs], Tensor]
    has_proxies: bool = False
