"""Scores in [0, 1] as 16-bit fixed point, so that sums do not depend on the order of their terms."""

import numpy as np

__all__ = ["ONE", "combine", "specificity", "to_evidence"]

ONE = 65_535  # fixed-point 1.0
_EVIDENCE_SCALE = 1 << 20

_MAX_EVIDENCE = 12.0  # a score of 1 - exp(-12): certain at 16 bits


def _evidence_table() -> np.ndarray:
    scores = np.arange(ONE + 1) / ONE
    with np.errstate(divide="ignore"):
        evidence = np.minimum(-np.log1p(-scores), _MAX_EVIDENCE)
    return np.rint(evidence * _EVIDENCE_SCALE).astype(np.int64)


_EVIDENCE = _evidence_table()


def to_evidence(scores: np.ndarray) -> np.ndarray:
    """-log(1 - score), fixed point: adding evidence is the noisy-or of scores."""
    return _EVIDENCE[scores]


def combine(evidence: np.ndarray) -> np.ndarray:
    """The score of summed evidence: 1 - exp(-evidence)."""
    return np.rint(-np.expm1(-evidence / _EVIDENCE_SCALE) * ONE).astype(np.int64)


def specificity(num_images: np.ndarray, total: int) -> np.ndarray:
    """Inverse document frequency scaled to [0, 1]: 0 for a phrase on every image, 1 for one on a single image."""
    if total < 2:
        return np.ones(len(num_images))
    idf = np.log(total / np.maximum(num_images, 1))
    return np.clip(idf / np.log(total), 0, 1)
