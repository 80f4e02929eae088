"""Scores in 16-bit fixed point, and their noisy-or as a sum of integers.

Fixed point makes sums independent of the order of their terms, so labels do not depend on partitioning.
"""

import numpy as np

__all__ = ["ONE", "combine", "to_evidence"]

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
