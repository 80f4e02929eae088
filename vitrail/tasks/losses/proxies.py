"""Softmax over the cosine similarities of an embedding to one proxy a label (Zhai & Wu 2019)."""

import torch.nn.functional as F
from torch import Tensor

from vitrail.tasks.loss import Loss, LossInputs, TaskSpec
from vitrail.tasks.losses.cross_entropy import cross_entropy

__all__ = ["LOSS", "proxy_logits"]


def proxy_logits(embeddings_bd: Tensor, proxies_cd: Tensor, temperature: float) -> Tensor:
    """Cosine similarity of unit embeddings to proxies over a temperature, [B, C]."""
    return embeddings_bd @ F.normalize(proxies_cd.float(), dim=1).T / temperature


def _compute(task: TaskSpec, inputs: LossInputs) -> Tensor:
    assert inputs.proxies_cd is not None  # noqa: S101 - `has_proxies`
    return cross_entropy(proxy_logits(inputs.output(), inputs.proxies_cd, task.temperature), inputs.labels)


LOSS = Loss(kinds=("retrieval",), activation="softmax", compute=_compute, has_proxies=True)
