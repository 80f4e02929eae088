"""How many processes answer: two or more, so that one can be lost, where memory allows."""

import os
from pathlib import Path

import psutil

from vitrail.errors import ServingError

__all__ = ["choose_num_workers", "decide_num_workers", "threads_of_a_worker"]

_BASE_BYTES = 900 * 2**20  # torch, Feast and what pictures take while they are decoded
_COPIES_OF_BUNDLE = 2  # weights as they lie, and as the library keeps them
_CORES_OF_A_WORKER = 8
_LEAST = 2
_CGROUP = Path("/sys/fs/cgroup")


def decide_num_workers(bundle: Path, wanted: str | None) -> int:
    """Processes that serve a bundle on this machine.

    Args:
        bundle: What each of them loads.
        wanted: What the user asks for (VITRAIL_WORKERS), if anything.

    Raises:
        ServingError: `wanted` is no whole number from 1 on.
    """
    if wanted:
        if not wanted.isdecimal() or int(wanted) < 1:
            raise ServingError(f"VITRAIL_WORKERS={wanted!r}: give a whole number of processes, 1 or more")
        return int(wanted)
    bundle_bytes = sum(path.stat().st_size for path in bundle.rglob("*") if path.is_file())
    return choose_num_workers(bundle_bytes, _free_bytes(), _num_cores())


def choose_num_workers(bundle_bytes: int, free_bytes: int, num_cores: int) -> int:
    """Two, or one for every 8 cores, and no more than there is memory for."""
    fitting = free_bytes // (_BASE_BYTES + _COPIES_OF_BUNDLE * bundle_bytes)
    return max(1, min(max(_LEAST, num_cores // _CORES_OF_A_WORKER), fitting))


def threads_of_a_worker(num_workers: int) -> int:
    """Cores for each of several processes."""
    return max(1, _num_cores() // num_workers)


def _num_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _free_bytes() -> int:
    """Of the machine, or of the container that this process is in."""
    free: int = psutil.virtual_memory().available
    try:
        limit = (_CGROUP / "memory.max").read_text().strip()
        used = int((_CGROUP / "memory.current").read_text())
    except (OSError, ValueError):
        return free
    return min(free, int(limit) - used) if limit.isdecimal() else free
