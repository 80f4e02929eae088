"""This process among the others: device, collectives, and when it has to stop."""

import contextlib
import datetime
import itertools
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

__all__ = ["Process", "StopRequest", "join_processes"]

_PATIENCE = datetime.timedelta(hours=12)
_ORPHAN_GRACE_S = 60.0  # for the last checkpoint of a process whose launcher is gone


@dataclass(frozen=True, kw_only=True)
class Process:
    """Rank and device of this process in a process group that `torch.distributed.run` described.

    Attributes:
        files: A gloo group of its own for what takes long: checkpoints, which are written while training goes on, and
            the pass over a corpus before it. A process that dies is noticed at once all the same.
    """

    rank: int
    world_size: int
    device: torch.device
    files: dist.ProcessGroup

    @property
    def is_main(self) -> bool:
        """Whether this process writes what is written once."""
        return self.rank == 0

    def sum(self, value: Tensor) -> Tensor:
        """Adds `value` up over all processes, in place."""
        if self.world_size > 1:
            dist.all_reduce(value)
        return value

    def start_sum(self, value: Tensor) -> dist.Work | None:
        """Begins to add up a `value` on the CPU over all processes, in place; `wait` for what this returns."""
        return dist.all_reduce(value, async_op=True) if self.world_size > 1 else None

    def gather(self, items: list[str]) -> list[str]:
        """The items of all processes, in order of rank."""
        found: list[list[str]] = [[] for _ in range(self.world_size)]
        dist.all_gather_object(found, items, group=self.files)
        return list(itertools.chain.from_iterable(found))

    def gather_rows(self, rows: Tensor) -> list[Tensor]:
        """The tensors of all processes, of one shape and on the CPU, in order of rank.

        Not in the group `files`: a checkpoint may be on its way there, in a thread of its own.
        """
        if self.world_size == 1:
            return [rows]
        found = [torch.empty_like(rows) for _ in range(self.world_size)]
        dist.all_gather(found, rows.contiguous())
        return found

    def barrier(self) -> None:
        """Waits for all processes."""
        if self.world_size > 1:
            dist.barrier(group=self.files)


@contextlib.contextmanager
def join_processes(device: str) -> Iterator[Process]:
    """Enters the process group that the environment of `torch.distributed.run` describes, and leaves it.

    Args:
        device: `cpu`, `cuda`, or `auto` for CUDA where there is any.
    """
    is_cuda = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    dist.init_process_group(backend="cpu:gloo,cuda:nccl" if is_cuda else "gloo")
    try:
        here = torch.device("cpu")
        if is_cuda:
            here = torch.device("cuda", dist.get_node_local_rank())
            torch.cuda.set_device(here)
            torch.set_float32_matmul_precision("high")  # TF32: what autocast leaves in float32 is a small part
        files = dist.new_group(backend="gloo", timeout=_PATIENCE)
        assert isinstance(files, dist.ProcessGroup)  # noqa: S101 - every process is a member
        yield Process(rank=dist.get_rank(), world_size=dist.get_world_size(), device=here, files=files)
    finally:
        dist.destroy_process_group()


class StopRequest:
    """Becomes true on SIGTERM, on SIGINT, and when the process that started this one is gone.

    Args:
        launcher: A process on this machine without which this one has no reason to go on; None for none.
    """

    def __init__(self, launcher: int | None) -> None:
        self._launcher = launcher
        self._parent = os.getppid()
        self._is_signalled = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._receive)
        threading.Thread(target=self._end_orphan, daemon=True).start()

    def _receive(self, number: int, frame: object) -> None:
        self._is_signalled = True

    def __bool__(self) -> bool:
        return self._is_signalled or self._is_orphan()

    def _is_orphan(self) -> bool:
        return os.getppid() != self._parent or not self._is_launcher_alive()

    def _end_orphan(self) -> None:
        """Ends an orphan that hangs in a collective, where it cannot see that it should stop."""
        while not self._is_orphan():
            time.sleep(1)
        time.sleep(_ORPHAN_GRACE_S)
        os._exit(1)

    def _is_launcher_alive(self) -> bool:
        if self._launcher is None:
            return True
        try:
            os.kill(self._launcher, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True
