"""Trials side by side, each when what it needs is done."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import TypeVar

__all__ = ["run_side_by_side"]

T = TypeVar("T")


def run_side_by_side(
    pool: ThreadPoolExecutor,
    items: Sequence[T],
    run: Callable[[T], bool],
    *,
    num_at_once: int,
    need_of: Callable[[T], T | None] = lambda item: None,
    is_too_late: Callable[[T], bool] = lambda item: False,
) -> set[T]:
    """Runs items in their order, as far as their needs allow; returns those that were done.

    Args:
        pool: Threads, at least `num_at_once`.
        items: What to run; hashable.
        run: Runs one; whether it succeeded.
        num_at_once: How many run at a time.
        need_of: The item that must have succeeded before; an item whose need failed is left out.
        is_too_late: Whether an item that could start now must not any more.
    """
    waiting, done = list(items), set[T]()
    running: dict[Future[bool], T] = {}
    while True:
        ready = (item for item in waiting if (need := need_of(item)) is None or need in done)
        in_time = (item for item in ready if not is_too_late(item))
        for item in list(islice(in_time, num_at_once - len(running))):
            waiting.remove(item)
            running[pool.submit(run, item)] = item
        if not running:
            return done
        finished, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in finished:
            item = running.pop(future)
            if future.result():
                done.add(item)
