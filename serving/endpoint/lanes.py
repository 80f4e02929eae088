"""Lanes: bounded numbers of threads for pictures, one lane for those that take long, so that others pass them."""

import math
from collections.abc import Callable
from typing import Any, TypeVar

import anyio
import anyio.to_thread

from vitrail.errors import CorpusError

from .refusals import Refusal

__all__ = ["Lane", "PictureLanes"]

Result = TypeVar("Result")

LONG_S = 0.1
_MAX_WAITING = 1024
_MAX_LONG_WAITING = 8


class Lane:
    """A bounded number of threads, and a bounded queue before them.

    Args:
        num_threads: That work at once.
        max_waiting: Calls that wait; one more is refused.
    """

    def __init__(self, num_threads: int, max_waiting: int) -> None:
        self._threads = anyio.CapacityLimiter(num_threads)
        self._max_inside = num_threads + max_waiting
        self._num_inside = 0

    async def run(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """The function's result, when a thread is free for it.

        Raises:
            Refusal: Too many wait already.
        """
        if self._num_inside >= self._max_inside:
            seconds = math.ceil(self._num_inside * LONG_S / self._threads.total_tokens)
            raise Refusal(503, "busy", f"too many pictures wait; try again in {seconds} s", retry_after_s=seconds)
        self._num_inside += 1  # here and not by the limiter, which counts a call some turns of the loop later
        try:
            return await anyio.to_thread.run_sync(function, *arguments, limiter=self._threads)
        finally:
            self._num_inside -= 1


class PictureLanes:
    """Decodes pictures: short work at once on every core, long work one by one.

    Args:
        engine: Tells what decoding costs, and decodes.
        num_threads: For short work.
    """

    def __init__(self, engine: Any, num_threads: int) -> None:
        self._engine = engine
        self._short = Lane(num_threads, _MAX_WAITING)
        self._long = Lane(1, _MAX_LONG_WAITING)

    async def prepare(self, data: bytes) -> Any:
        """The model's input for an encoded picture.

        Raises:
            Refusal: The picture is beyond the limits or cannot be decoded, or too many wait.
        """
        try:
            prepared = await self._short.run(self._prepare_short, data)
            return prepared if prepared is not None else await self._long.run(self._engine.prepare, data)
        except CorpusError as error:
            raise Refusal(400, "bad_picture", f"the picture cannot be used: {error}") from error

    def _prepare_short(self, data: bytes) -> Any:
        """The model's input, or None for a picture that takes long."""
        return self._engine.prepare(data) if self._engine.decoding_s(data) <= LONG_S else None
