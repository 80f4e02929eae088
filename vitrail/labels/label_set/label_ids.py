"""Label ids that survive a new derivation.

A label's id is born as a hash of its term. A later label inherits the id of the earlier label it shares most
with, counted in images of common terms, when each is the other's best; so a label keeps its id while terms
join and leave.
"""

import hashlib
from collections.abc import Mapping, Sequence

__all__ = ["Cluster", "Term", "assign_ids", "birth_id", "shared_weight"]

_ID_BITS = 53  # exact in JSON numbers of every reader

Term = tuple[str, str, int]  # a canonical term, its language, and the level at which it is in a label
Cluster = Mapping[Term, int]  # terms and their images


def birth_id(term: Term, taken: set[int]) -> int:
    """A positive id from the term, moved on while it is taken."""
    attempt, (name, language, level) = 0, term
    while True:
        key = [name, language, str(attempt), *([str(level)] if level else [])]
        digest = hashlib.sha256("\x00".join(key).encode()).digest()
        label_id = int.from_bytes(digest[:8], "big") >> (64 - _ID_BITS)
        if label_id and label_id not in taken:
            return label_id
        attempt += 1


def shared_weight(old: Sequence[Cluster], new: Sequence[Cluster]) -> dict[tuple[int, int], int]:
    """Images of the terms that old cluster i and new cluster j have in common, by (i, j)."""
    home = {term: index for index, cluster in enumerate(new) for term in cluster}
    shared: dict[tuple[int, int], int] = {}
    for index, cluster in enumerate(old):
        for term, weight in cluster.items():
            if term in home:
                pair = (index, home[term])
                shared[pair] = shared.get(pair, 0) + max(weight, 1)
    return shared


def assign_ids(
    names: Sequence[Term], new: Sequence[Cluster], old_ids: Sequence[int], old: Sequence[Cluster]
) -> list[int]:
    """Ids of new clusters, inherited from old ones where they are each other's best match.

    Args:
        names: Term each new cluster is called after, distinct.
        new: New clusters.
        old_ids: Ids of the old clusters; none for a first derivation.
        old: Old clusters.
    """
    shared = shared_weight(old, new)
    ranked = sorted(shared, key=lambda pair: (-shared[pair], old_ids[pair[0]], names[pair[1]]))
    best_new: dict[int, int] = {}
    best_old: dict[int, int] = {}
    for i, j in ranked:
        best_new.setdefault(i, j)
        best_old.setdefault(j, i)
    ids = {j: old_ids[i] for j, i in best_old.items() if best_new[i] == j}
    taken = set(old_ids) | set(ids.values())
    for j, name in enumerate(names):
        if j not in ids:
            ids[j] = birth_id(name, taken)
            taken.add(ids[j])
    return [ids[j] for j in range(len(names))]
