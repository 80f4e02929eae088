"""Runs `torch.distributed.run` with those of its options that the installed torch offers.

The process that writes the command need not have the torch that runs it, so the choice is made where it runs.
"""

import sys

from torch.distributed import run

__all__ = ["SHUTDOWN_TIMEOUT", "main"]

SHUTDOWN_TIMEOUT = "--shutdown-timeout"  # not in torch 2.11, which gives stopped workers 30 s


def main(arguments: list[str]) -> None:
    """Starts and watches the workers until they end, as `torchrun` with the same arguments does."""
    is_offered = SHUTDOWN_TIMEOUT in run.get_args_parser().format_help()
    run.main([argument for argument in arguments if is_offered or not argument.startswith(SHUTDOWN_TIMEOUT)])


if __name__ == "__main__":
    main(sys.argv[1:])
