"""Work on shards in all cores, in processes that end with this one."""

import itertools
import multiprocessing
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing.connection import wait
from types import ModuleType
from typing import TypeVar

__all__ = ["run_in_order"]

Job = TypeVar("Job")
Result = TypeVar("Result")

_AHEAD = 2  # jobs a process that wait or are done: memory does not grow with their number


def run_in_order(
    function: Callable[[Job], Result], jobs: Iterable[Job], num_jobs: int, processes: int | None = None
) -> Iterator[Result]:
    """Yields the result of each job, in their order.

    Args:
        function: Of a module; what it takes and returns can be sent to another process.
        jobs: What it is called with; they are made when their turn comes.
        num_jobs: How many there are.
        processes: At most; by default one a core. With one, or one job, everything runs here.
    """
    processes = min(processes or len(os.sched_getaffinity(0)), num_jobs)
    if processes < 2:
        yield from map(function, jobs)
        return
    with ProcessPoolExecutor(
        processes, mp_context=multiprocessing.get_context("spawn"), initializer=_end_with_parent
    ) as pool:
        coming = iter(jobs)
        running: deque[Future[Result]] = deque()
        try:
            for job in itertools.islice(coming, _AHEAD * processes):
                running.append(_submit(pool, function, job))
            while running:
                yield running.popleft().result()
                running.extend(_submit(pool, function, job) for job in itertools.islice(coming, 1))
        finally:
            pool.shutdown(cancel_futures=True)


def _submit(pool: ProcessPoolExecutor, function: Callable[[Job], Result], job: Job) -> Future[Result]:
    """Submits a job. A process that this starts does not import the user's script, which would build once more."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        return pool.submit(function, job)
    finally:
        sys.modules["__main__"] = main


def _end_with_parent() -> None:
    """A worker waits for work for ever; when the build is killed nobody else would end it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=lambda: (wait([parent.sentinel]), os._exit(1)), daemon=True).start()
