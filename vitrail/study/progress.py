"""How far a study is, how fast it goes and how long it will still take."""

import logging
import threading
import time

__all__ = ["Progress"]

_LOG = logging.getLogger(__name__)


class Progress:
    """Counts images that trainings went through; safe to call from several threads.

    Attributes:
        began: When the study was started or went on, by the monotonic clock.
    """

    def __init__(self, num_images: int, num_trials: int) -> None:
        """Takes what there is to do, finished trainings included."""
        self.began = time.monotonic()
        self._left, self._num_trials = num_images, num_trials
        self._num_done, self._trained = 0, 0
        self._lock = threading.Lock()

    def count(self, title: str, num_images: int, *, was_there: bool, outcome: str) -> None:
        """Logs the end of a trial; one that was there already says nothing about the rate."""
        with self._lock:
            self._num_done += 1
            self._left -= num_images
            self._trained += 0 if was_there else num_images
            rate = self._trained / max(time.monotonic() - self.began, 1e-9)
            speed = f", {rate:,.0f} images/s, {self._left / rate / 60:,.0f} min left" if rate else ", was there"
            _LOG.info("[%d/%d] %s: %s%s", self._num_done, self._num_trials, title, outcome, speed)
