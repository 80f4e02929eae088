"""The shape of the data of a run, and its distance to that of an earlier one."""

import math
from collections import Counter
from collections.abc import Mapping

import numpy as np

__all__ = ["bucket_counts", "distance", "shares"]

OTHER = "(other)"


def bucket_counts(values: np.ndarray) -> Counter[str]:
    """How many of the whole numbers lie in 0, 1, 2-3, 4-7, 8-15, ..."""
    exponents = np.frexp(np.maximum(values, 0).astype(np.float64))[1]
    buckets, counts = np.unique(exponents, return_counts=True)
    return Counter({_bucket(int(b)): int(n) for b, n in zip(buckets, counts, strict=True)})


def _bucket(exponent: int) -> str:
    low, high = (1 << exponent) >> 1, (1 << exponent) - 1
    return str(low) if low >= high else f"{low}-{high}"


def shares(counts: Mapping[str, int], largest: int | None = None) -> dict[str, float]:
    """Counts as shares that sum to 1; all but the `largest` categories are taken together."""
    total = sum(counts.values())
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    kept = dict(ranked if largest is None else ranked[:largest])
    rest = total - sum(kept.values())
    if rest:
        kept[OTHER] = kept.get(OTHER, 0) + rest
    return {category: round(count / total, 9) for category, count in kept.items()}


def distance(left: Mapping[str, float], right: Mapping[str, float]) -> float:
    """Jensen-Shannon distance with base 2: 0 for equal distributions, 1 for disjoint ones."""
    divergence = 0.0
    for category in sorted(left.keys() | right.keys()):
        p, q = left.get(category, 0.0), right.get(category, 0.0)
        middle = (p + q) / 2
        divergence += sum(x * math.log2(x / middle) / 2 for x in (p, q) if x > 0)
    return round(math.sqrt(min(1.0, max(0.0, divergence))), 9)
