"""Which images of a split search which gallery.

With a few domains, queries of one search the gallery of each other one; with many they search all others at once; with
a single domain they search the split without themselves.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from vitrail.evaluation.search import Parts
from vitrail.evaluation.units import Units

__all__ = [
    "ACROSS",
    "WITHIN",
    "Direction",
    "Rows",
    "count_gallery",
    "find_directions",
    "split_by_class",
    "thin_queries",
]

Rows = NDArray[np.int64]

WITHIN = "within"  # name of the only direction of a corpus with one domain
ACROSS = "across"  # of one with more domains than can be told in pairs
_MAX_PAIRED_DOMAINS = 4  # make twelve directions


@dataclass(frozen=True, kw_only=True)
class Direction:
    """Which units search which gallery: positions in the test split.

    `apart` gives every query and gallery item a part; what is of the query's own part is not searched.
    """

    name: str
    queries: Rows
    gallery: Rows
    apart: Parts | None = None

    def of_queries(self, kept: NDArray[np.bool_] | Rows) -> "Direction":
        """The same gallery for some of the queries, by mask or by position."""
        apart = Parts(self.apart.queries[kept], self.apart.gallery) if self.apart else None
        return replace(self, queries=self.queries[kept], apart=apart)


def find_directions(units: Units, labels: NDArray[np.str_]) -> list[Direction]:
    """Every ordered pair of domains; all other domains at once where there are many; the split itself with one."""
    labelled = np.flatnonzero(labels != "")
    domains, domain_of = np.unique(units.domains[labelled], return_inverse=True)
    if len(domains) < 2:
        return [Direction(name=WITHIN, queries=labelled, gallery=labelled, apart=Parts(labelled, labelled))]
    if len(domains) > _MAX_PAIRED_DOMAINS:
        return [Direction(name=ACROSS, queries=labelled, gallery=labelled, apart=Parts(domain_of, domain_of))]
    members = {str(domain): labelled[domain_of == number] for number, domain in enumerate(domains)}
    return [
        Direction(name=f"{ours or 'none'}->{theirs or 'none'}", queries=members[ours], gallery=members[theirs])
        for ours, theirs in permutations(members, 2)
    ]


def thin_queries(direction: Direction, labels: NDArray[np.str_], *, max_queries: int, seed: int) -> Direction:
    """The direction with the queries that have a match in the gallery; so many drawn at random where there are more.

    Which are drawn depends on the labels and the seed alone, so that two models are asked the same.
    """
    num_relevant, _ = count_gallery(direction, labels)
    counted = np.flatnonzero(num_relevant)
    if len(counted) > max_queries:
        counted = np.sort(np.random.default_rng(seed).choice(counted, max_queries, replace=False))
    return direction.of_queries(counted)


def split_by_class(direction: Direction, classes: NDArray[np.str_]) -> Iterator[Direction]:
    """A direction for each class, whose queries and gallery are of it."""
    ours, theirs = classes[direction.queries], classes[direction.gallery]
    for name in sorted(set(ours.tolist()) - {""}):
        own, apart = direction.of_queries(ours == name), direction.apart
        yield replace(
            own,
            gallery=direction.gallery[theirs == name],
            apart=Parts(apart.queries[ours == name], apart.gallery[theirs == name]) if apart else None,
        )


def count_gallery(direction: Direction, labels: NDArray[np.str_]) -> tuple[Rows, Rows]:
    """For each query the gallery items that match it, and all that it searches."""
    names, label_of = np.unique(labels, return_inverse=True)
    ours, theirs = label_of[direction.queries], label_of[direction.gallery]
    relevant = np.bincount(theirs, minlength=len(names))[ours]
    candidates = np.full(len(ours), len(theirs))
    if direction.apart is None:
        return relevant, candidates
    apart = direction.apart
    own = Parts(apart.queries * len(names) + ours, apart.gallery * len(names) + theirs)
    return relevant - own.count_own(), candidates - apart.count_own()
