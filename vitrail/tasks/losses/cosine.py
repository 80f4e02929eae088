"""The softmax of `softmax.py` over cosines to one direction a label (Zhai & Wu 2019), which a head of its own gives."""

from vitrail.tasks.loss import Loss
from vitrail.tasks.losses.softmax import distribution_loss

__all__ = ["LOSS"]

LOSS = Loss(kinds=("multilabel",), activation="cosine", compute=distribution_loss)
