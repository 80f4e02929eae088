"""How several sources share one sequence: by weight, evenly spread, in closed form."""

import numpy as np

from vitrail.config import require

__all__ = ["Blend"]

_SLOTS_PER_SOURCE = 256


class Blend:
    """Deals positions to sources in a fixed pattern that repeats.

    A period holds `256 * sources` positions; each source gets its share of them (equal weights are met
    exactly, others to one part in the period), spread as evenly as whole numbers allow, so any batch is
    mixed in proportion. How far each source has been read is a table look-up: O(1) in the position.
    """

    def __init__(self, weights: list[float]) -> None:
        """Plans the pattern.

        Raises:
            ConfigError: A weight that is not positive, or too small a share to get a place in a period.
        """
        shares = np.asarray(weights, dtype=np.float64)
        is_valid = len(shares) > 0 and bool(np.all(np.isfinite(shares) & (shares > 0)))
        require(is_valid, "weight", weights, "give at least one source, each with a positive weight")
        self.period = _SLOTS_PER_SOURCE * len(shares)
        self._quotas = _apportion(shares / shares.sum(), self.period)
        require(bool(np.all(self._quotas > 0)), "weight", weights, f"keep shares above 1/{self.period}")
        times = [(np.arange(quota) + 0.5) / quota for quota in self._quotas]
        owners = np.repeat(np.arange(len(shares)), self._quotas)
        self._pattern = owners[np.argsort(np.concatenate(times), kind="stable")]
        is_owner = self._pattern[:, None] == np.arange(len(shares))
        self._drawn = np.concatenate([np.zeros((1, len(shares)), dtype=np.int64), np.cumsum(is_owner, axis=0)])

    def cursors(self, position: int) -> np.ndarray:
        """int64 [sources]: how many of the first `position` places belong to each source."""
        periods, rest = divmod(position, self.period)
        return periods * self._quotas + self._drawn[rest]

    def sources(self, start: int, stop: int) -> np.ndarray:
        """int64 [stop - start]: the source of each position."""
        return self._pattern[np.arange(start, stop) % self.period]


def _apportion(shares: np.ndarray, places: int) -> np.ndarray:
    exact = shares * places
    quotas = np.floor(exact).astype(np.int64)
    largest = np.argsort(quotas - exact, kind="stable")[: places - int(quotas.sum())]
    quotas[largest] += 1
    return quotas
