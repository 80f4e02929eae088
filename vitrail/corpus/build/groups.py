"""Groups: items that share something, directly or through others."""

from collections.abc import Hashable, Iterable, Sequence

__all__ = ["connect_groups"]


def connect_groups(features: Iterable[Sequence[Hashable]]) -> list[int]:
    """Numbers the connected components of items that share a feature.

    Args:
        features: For each item, what it shares with others of its group (a family, a picture's digest, ...).

    Returns:
        For each item the position of the first item of its component.
    """
    parents: list[int] = []
    first_with: dict[Hashable, int] = {}
    for item, shared in enumerate(features):
        parents.append(item)
        for feature in shared:
            ours, theirs = _root(parents, item), _root(parents, first_with.setdefault(feature, item))
            parents[max(ours, theirs)] = min(ours, theirs)
    return [_root(parents, item) for item in range(len(parents))]


def _root(parents: list[int], item: int) -> int:
    while parents[item] != item:
        parents[item] = parents[parents[item]]
        item = parents[item]
    return item
