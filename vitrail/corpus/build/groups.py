"""Groups: items that share something, directly or through others."""

from collections.abc import Hashable, Iterable, Sequence

import numpy as np

from vitrail.corpus.build.components import Components

__all__ = ["connect_groups"]


def connect_groups(features: Iterable[Sequence[Hashable]]) -> list[int]:
    """Numbers the connected components of items that share a feature.

    Args:
        features: For each item, what it shares with others of its group (a family, a picture's digest, ...).

    Returns:
        For each item the position of the first item of its component.
    """
    numbers: dict[Hashable, int] = {}
    num_items, items, shared = 0, [], []
    for own in features:
        items += [num_items] * len(own)
        shared += [numbers.setdefault(feature, len(numbers)) for feature in own]
        num_items += 1
    components = Components(num_items)
    components.join_equal(np.array(items, dtype=np.int64), np.array(shared, dtype=np.int64))
    return components.roots().tolist()
