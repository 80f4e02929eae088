"""Runs `torch.distributed.run` as this machine allows: with the options of its torch, on the devices it has.

The process that writes the command need not have the torch that runs it, nor lie on the node that runs it, so the
choice is made where it runs.
"""

import logging
import os
import sys

import torch
from torch.distributed import run

from vitrail.config.logs import configure_logging

__all__ = ["NUM_PROCESSES", "SHUTDOWN_TIMEOUT", "main", "processes_on"]

NUM_PROCESSES = "--nproc-per-node"
SHUTDOWN_TIMEOUT = "--shutdown-timeout"  # not in torch 2.11, which gives stopped workers 30 s

_log = logging.getLogger(__name__)


def main(arguments: list[str]) -> None:
    """Starts and watches the workers until they end, as `torchrun` with the same arguments does."""
    is_offered = SHUTDOWN_TIMEOUT in run.get_args_parser().format_help()
    offered = [argument for argument in arguments if is_offered or not argument.startswith(SHUTDOWN_TIMEOUT)]
    run.main([_fit(argument) if argument.startswith(NUM_PROCESSES) else argument for argument in offered])


def processes_on(num_devices: int, wanted: int) -> int:
    """The largest divisor of `wanted`, so that batches still divide, for which there are devices."""
    return max(count for count in range(1, wanted + 1) if wanted % count == 0 and count <= max(num_devices, 1))


def _fit(argument: str) -> str:
    """As many processes as there are GPUs, or cores without one; they share the cores of this machine."""
    wanted = int(argument.removeprefix(f"{NUM_PROCESSES}="))
    num_cores = len(os.sched_getaffinity(0))
    num_processes = processes_on(torch.cuda.device_count() or num_cores, wanted)
    if num_processes < wanted:
        _log.warning("%d processes instead of %d: there are no devices for more", num_processes, wanted)
    if num_processes > 1:
        os.environ["OMP_NUM_THREADS"] = str(max(1, num_cores // num_processes))
    return f"{NUM_PROCESSES}={num_processes}"


if __name__ == "__main__":
    configure_logging()
    main(sys.argv[1:])
