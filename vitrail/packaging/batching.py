"""Adaptive batching: whatever arrived while the model was busy is its next batch.

BentoML's own batching treats its latency setting as a deadline and answers 503 to what is late; it also
waits for company when the model is idle. Here nothing waits for a timer and nothing is cancelled: a lone
request runs at once, and under load the batches grow to the limit by themselves.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from vitrail.errors import ServingError

__all__ = ["Batcher"]

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batcher(Generic[Item, Result]):
    """Runs a function over batches on a thread of its own.

    Args:
        function: From items to results in the same order.
        max_batch_size: Items in one call at most.
    """

    def __init__(self, function: Callable[[Sequence[Item]], Sequence[Result]], max_batch_size: int) -> None:
        self._function = function
        self._max_batch_size = max_batch_size
        self._waiting: queue.SimpleQueue[tuple[Item, asyncio.Future[Result]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="batcher", daemon=True)
        self._is_closed = False
        self._thread.start()

    async def submit(self, item: Item) -> Result:
        """The result for one item.

        Raises:
            ServingError: The batcher is closed.
        """
        if self._is_closed:
            raise ServingError("the endpoint is shutting down")
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.put((item, future))
        return await future

    def close(self) -> None:
        """Finishes what is waiting and stops."""
        self._is_closed = True
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while batch := self._next_batch():
            items = [item for item, _ in batch]
            futures = [future for _, future in batch]
            try:
                results = self._function(items)
            except Exception as error:  # handed to every caller of the batch
                futures[0].get_loop().call_soon_threadsafe(_fail, futures, error)
            else:
                futures[0].get_loop().call_soon_threadsafe(_deliver, futures, results)

    def _next_batch(self) -> list[tuple[Item, asyncio.Future[Result]]]:
        batch = []
        entry = self._waiting.get()
        while entry is not None:
            batch.append(entry)
            if len(batch) == self._max_batch_size or self._waiting.empty():
                return batch
            entry = self._waiting.get()
        if batch:
            self._waiting.put(None)  # closing: answer these, then stop
        return batch


def _deliver(futures: Sequence["asyncio.Future[Result]"], results: Sequence[Result]) -> None:
    for future, result in zip(futures, results, strict=True):
        if not future.done():  # the client may have gone
            future.set_result(result)


def _fail(futures: Sequence["asyncio.Future[Result]"], error: Exception) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(error)
