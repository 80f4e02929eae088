"""What features are worth as they are: how many dimensions they use, and whether what lies close together is alike.

Shapes: N images, W trunk width.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vitrail.training.probe.sample import Question, is_answerable

__all__ = ["agreement_of_neighbours", "effective_rank"]

_BLOCK = 1024  # images whose similarities are held at once


def effective_rank(features_nw: NDArray[np.floating]) -> float:
    """Exponential of the entropy of the singular values of centred features, as shares of their sum.

    Roy & Vetterli 2007, "The effective rank: a measure of effective dimensionality". From 1, all images on a line, to
    min(N - 1, W); 0 when all lie in one point.
    """
    features = features_nw.astype(np.float64)
    spectrum = np.linalg.svd(features - features.mean(axis=0), compute_uv=False)
    shares = spectrum / max(float(spectrum.sum()), np.finfo(np.float64).tiny)
    present = shares[shares > 0]
    return float(np.exp(-(present * np.log(present)).sum())) if len(present) else 0.0


def agreement_of_neighbours(features_nw: NDArray[np.floating], question: Question) -> float | None:
    """Mean agreement of images with their nearest neighbour by cosine; None when no image can have one that agrees.

    The neighbour is the nearest labelled image that is apart. Two images agree in the weight of the labels they share
    over that of all labels they have: 0 or 1 where each has one. Images that agree with no image apart do not count.
    """
    counts = np.array(is_answerable(question))
    labelled = np.flatnonzero([bool(own) for own in question.labels])
    queries = np.flatnonzero(counts)
    if not len(queries):
        return None
    lengths = np.linalg.norm(features_nw, axis=1, keepdims=True)
    unit_nw = features_nw / np.maximum(lengths, np.finfo(np.float32).tiny)
    apart = np.array(question.apart)
    agreed = 0.0
    for begin in range(0, len(queries), _BLOCK):
        block = queries[begin : begin + _BLOCK]
        similarity = unit_nw[block] @ unit_nw[labelled].T
        similarity[apart[block][:, None] == apart[labelled]] = -np.inf
        for query, nearest in zip(block.tolist(), labelled[similarity.argmax(axis=1)].tolist(), strict=True):
            agreed += _agreement(question.labels[query], question.labels[nearest], question.weights)
    return agreed / len(queries)


def _agreement(ours: Sequence[int], theirs: Sequence[int], weights: Sequence[float]) -> float:
    shared = sum(weights[label] for label in set(ours) & set(theirs))
    return shared / sum(weights[label] for label in set(ours) | set(theirs))
