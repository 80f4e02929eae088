"""A child that ends with its parent, however that ends: `python -m vitrail.packaging.tether PARENT COMMAND...`.

Linux sends the signal itself, also when the parent is killed; other systems have nothing like it.
"""

import ctypes
import os
import signal
import sys

__all__ = ["end_with_parent", "tethered"]

_SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of <linux/prctl.h>; it outlives exec


def tethered(command: list[str]) -> list[str]:
    """The command line of a child of this process that ends with it."""
    return [sys.executable, "-m", "vitrail.packaging.tether", str(os.getpid()), *command]


def end_with_parent(parent: int) -> None:
    """Has this process get SIGTERM when `parent` ends, and at once when it has ended already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    end_with_parent(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - becomes the command
