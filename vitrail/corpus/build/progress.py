"""How far a build is, how fast it goes, and how long it still takes, said every few seconds."""

import logging
import time

__all__ = ["Progress"]

_LOGGER = logging.getLogger(__name__)
_EVERY_S = 10.0


class Progress:
    """Counts what is done of a known number."""

    def __init__(self, task: str, total: int, noun: str) -> None:
        """Begins counting.

        Args:
            task: What is done to them, for people.
            total: How many there are.
            noun: What they are.
        """
        self._task, self._total, self._noun = task, total, noun
        self._num_done = self._num_found = 0
        self._began = self._said = time.monotonic()

    def add(self, num: int, *, is_new: bool = True) -> None:
        """Counts some more; what an earlier build did counts for no rate."""
        self._num_done += num
        self._num_found += 0 if is_new else num
        now = time.monotonic()
        if now - self._said >= _EVERY_S or self._num_done == self._total:
            self._said = now
            _LOGGER.info("%s", self._line(now - self._began))

    def _line(self, elapsed_s: float) -> str:
        rate = (self._num_done - self._num_found) / max(elapsed_s, 1e-3)
        line = f"{self._task}: {self._num_done:,} of {self._total:,} {self._noun}"
        if self._num_found:
            line += f" ({self._num_found:,} by an earlier build)"
        left = self._total - self._num_done
        return line + (f", {rate:,.0f}/s, {_span(left / rate)} left" if left and rate else f" in {_span(elapsed_s)}")


def _span(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
