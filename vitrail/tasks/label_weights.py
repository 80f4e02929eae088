"""What each label of an image weighs in its target, before the weights of an image are brought to a sum.

Shapes: B batch, K padded labels per image, C labels.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vitrail.tasks.loss import NO_LABEL
from vitrail.tasks.weighting import TargetWeighting

__all__ = ["idf_weights", "weigh_labels"]

_LEAST_IDF = 1e-3  # of a label on every image, whose IDF is 0: an image that has no other is still trained towards it


def idf_weights(frequency_c: NDArray[np.int64], num_images: int) -> Tensor:
    """Float32 [C] in (0, 1]: log(N / frequency), at least 0.001, over the largest of them (SuperClass, 2411.03313).

    Args:
        frequency_c: Images that carry each label.
        num_images: N, of the corpus.
    """
    idf_c = np.log(max(num_images, 1) / np.maximum(frequency_c, 1)).clip(min=_LEAST_IDF)
    return torch.from_numpy((idf_c / idf_c.max(initial=_LEAST_IDF)).astype(np.float32))


def weigh_labels(labels_bk: Tensor, scores_bk: Tensor, weighting: TargetWeighting, idf_c: Tensor | None) -> Tensor:
    """Weights [B, K] in [0, 1], 0 for padding: an image's scores, 1 for each label, or those of `idf_weights`."""
    present_bk = labels_bk != NO_LABEL
    if weighting == "uniform":
        return present_bk.float()
    if weighting == "score":
        return scores_bk * present_bk
    assert idf_c is not None  # noqa: S101 - a task with this weighting has them
    return idf_c[labels_bk.clamp_min(0)] * present_bk
