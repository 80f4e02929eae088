"""A gallery ranked for every query, and what that is worth: precision, recall, average precision, nDCG, CMC.

Shapes: Q queries, G gallery items, k neighbours.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vitrail.evaluation.directions import Direction, Rows, count_gallery
from vitrail.evaluation.inference import Vectors
from vitrail.evaluation.search import (
    asymmetric_costs,
    binary_costs,
    float_costs,
    nearest_asymmetric,
    nearest_binary,
    nearest_float,
)

__all__ = ["PRECISIONS", "Ranking", "expected_of_chance", "rank_gallery"]

FloatArray = NDArray[np.float64]

# Float vectors, packed codes by Hamming distance, or float queries that meet stored codes: the gallery is as small as
# codes, and a query that was just embedded need not be packed.
PRECISIONS = ("float", "binary", "asymmetric")
_COSTS: dict[str, Callable[..., Iterator[tuple[slice, NDArray[np.generic]]]]] = {
    "float": float_costs,
    "binary": binary_costs,
    "asymmetric": asymmetric_costs,
}
_NEAREST: dict[str, Callable[..., tuple[Rows, NDArray[np.generic]]]] = {
    "float": nearest_float,
    "binary": nearest_binary,
    "asymmetric": nearest_asymmetric,
}


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """One direction searched: which neighbours match, how many there are to find, and where all of them stand."""

    direction: str
    queries: Rows  # [Q], those with a match in the gallery
    neighbours: Rows  # [Q, k], positions in the test split
    scores: NDArray[np.generic]  # [Q, k]
    matches: NDArray[np.bool_]  # [Q, k]
    num_relevant: Rows  # [Q]
    num_candidates: Rows  # [Q]
    average_precision: FloatArray  # [Q], of the whole ranking
    ndcg: FloatArray  # [Q], of the whole ranking

    def precision_at(self, k: int) -> FloatArray:
        """Share of the first k neighbours that match [Q]."""
        return self.matches[:, :k].sum(axis=1) / k

    def recall_at(self, k: int) -> FloatArray:
        """Share of the query's matches among the first k [Q]."""
        return np.divide(self.matches[:, :k].sum(axis=1), self.num_relevant)

    def hit_at(self, k: int) -> FloatArray:
        """1 where any of the first k matches [Q]: the cumulative match characteristic at k."""
        return np.asarray(self.matches[:, :k].any(axis=1), np.float64)

    def measure(self, ranks: Sequence[int]) -> dict[str, FloatArray]:
        """Every metric of every query, by name [Q]."""
        return {
            **{f"p_at_{k}": self.precision_at(k) for k in ranks},
            **{f"r_at_{k}": self.recall_at(k) for k in ranks},
            **{f"cmc_at_{k}": self.hit_at(k) for k in ranks},
            "mean_average_precision": self.average_precision,
            "ndcg": self.ndcg,
        }


def rank_gallery(
    direction: Direction, labels: NDArray[np.str_], vectors: Vectors, precision: str, depth: int
) -> Ranking:
    """Searches a direction exactly; queries without a match in the gallery are not counted.

    Args:
        direction: Who searches what.
        labels: Of each unit of the split; units with the same label match.
        vectors: Of each unit.
        precision: One of PRECISIONS.
        depth: Neighbours that are kept.
    """
    num_relevant, num_candidates = count_gallery(direction, labels)
    is_counted = num_relevant > 0
    direction = direction.of_queries(is_counted)
    queries, gallery, apart = direction.queries, direction.gallery, direction.apart
    ours = vectors.codes if precision == "binary" else vectors.embeddings
    theirs = vectors.embeddings if precision == "float" else vectors.codes
    found, scores = _NEAREST[precision](ours[queries], theirs[gallery], depth, apart=apart)
    _, label_of = np.unique(labels, return_inverse=True)
    average_precision, ndcg = np.zeros(len(queries)), np.zeros(len(queries))
    for part, costs in _COSTS[precision](ours[queries], theirs[gallery], apart=apart):
        is_match = label_of[queries[part], None] == label_of[gallery]
        if apart is not None:
            is_match &= apart.queries[part, None] != apart.gallery
        order = np.argsort(costs, axis=1, kind="stable")
        average_precision[part], ndcg[part] = _judge_order(np.take_along_axis(is_match, order, axis=1))
    return Ranking(
        direction=direction.name,
        queries=queries,
        neighbours=gallery[found],
        scores=scores,
        matches=labels[gallery[found]] == labels[queries][:, None],
        num_relevant=num_relevant[is_counted],
        num_candidates=num_candidates[is_counted],
        average_precision=average_precision,
        ndcg=ndcg,
    )


def _judge_order(matches_qg: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    """Average precision and nDCG [Q] of whole rankings, best first, each with a match.

    The gain of a match is 1, its discount the binary logarithm of its place plus one (Järvelin and Kekäläinen 2002).
    """
    rows, places = np.nonzero(matches_qg)
    num_relevant = matches_qg.sum(axis=1)
    nth = np.arange(len(rows)) - np.searchsorted(rows, rows) + 1  # match of its row
    precision = np.bincount(rows, nth / (places + 1), minlength=len(matches_qg))
    gain = np.bincount(rows, 1 / np.log2(places + 2), minlength=len(matches_qg))
    return precision / num_relevant, gain / _ideal_gains(matches_qg.shape[1])[num_relevant]


def _ideal_gains(num_items: int) -> FloatArray:
    """The gain of a ranking that begins with so many matches, from none to all of them."""
    return np.append(0.0, np.cumsum(1 / np.log2(np.arange(num_items) + 2)))


def expected_of_chance(ranking: Ranking, ranks: Sequence[int]) -> dict[str, float]:
    """What a random order of each query's gallery gives on average, by the names of `Ranking.measure`."""
    relevant, total = ranking.num_relevant.astype(np.float64), ranking.num_candidates.astype(np.float64)
    share = relevant / total
    harmonic = np.append(0.0, np.cumsum(1 / np.arange(1, int(total.max()) + 1)))[ranking.num_candidates]
    pairs = (relevant - 1) / np.maximum(total - 1, 1)  # another item matches, given that one does
    gains = _ideal_gains(int(total.max()))
    expected = {
        **{f"p_at_{k}": share * np.minimum(1, total / k) for k in ranks},
        **{f"r_at_{k}": np.minimum(1, k / total) for k in ranks},
        **{f"cmc_at_{k}": 1 - _chance_of_none(relevant, total, k) for k in ranks},
        "mean_average_precision": (harmonic + pairs * (total - harmonic)) / total,
        "ndcg": share * gains[ranking.num_candidates] / gains[ranking.num_relevant],
    }
    return {name: float(values.mean()) for name, values in expected.items()}


def _chance_of_none(relevant: FloatArray, total: FloatArray, k: int) -> FloatArray:
    """That k items drawn without replacement hold no match."""
    chance = np.ones(len(total))
    for drawn in range(k):
        chance *= np.clip((total - relevant - drawn) / np.maximum(total - drawn, 1), 0, 1)
    return chance
