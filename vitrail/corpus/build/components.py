"""Connected components of numbered items: which are one group, directly or through others."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Components"]


class Components:
    """Items 0 to N-1, joined pair by pair; memory: 8 bytes an item. A component's root is its first item."""

    def __init__(self, num_items: int) -> None:
        """Begins with every item alone."""
        self._parents = np.arange(num_items, dtype=np.int64)

    def roots(self, items: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """The first item of the component of each item, by default of all."""
        if items is None:
            items = np.arange(len(self._parents))
        roots = self._parents[items]
        while not np.array_equal(roots, above := self._parents[roots]):
            roots = above
        self._parents[items] = roots
        return roots

    def join(self, items: NDArray[np.int64], others: NDArray[np.int64]) -> None:
        """Joins each item to the one in the same place of `others`."""
        while len(items):
            ours, theirs = self.roots(items), self.roots(others)
            apart = ours != theirs
            items, others, ours, theirs = items[apart], others[apart], ours[apart], theirs[apart]
            # Of several that hang one root below different others the last stays; the next round joins the rest.
            self._parents[np.maximum(ours, theirs)] = np.minimum(ours, theirs)

    def join_equal(self, items: NDArray[np.int64], keys: NDArray[Any]) -> None:
        """Joins the items whose keys, in the same places, are equal."""
        _, first, number = np.unique(keys, return_index=True, return_inverse=True)
        self.join(items, items[first][number])
