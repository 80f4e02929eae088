"""Shows a local run's own messages and keeps everything else in a log file."""

import io
import sys
from typing import TextIO

from vitrail.config.logs import LOG_PREFIX

__all__ = ["StepConsole"]


class StepConsole(io.TextIOBase):
    """A stand-in for standard output: all lines go to `log`, those that start with LOG_PREFIX also to the terminal."""

    def __init__(self, log: TextIO) -> None:
        self._log = log
        self._terminal = sys.stdout
        self._line = ""

    def write(self, text: str) -> int:
        """Takes text in any portions; lines are judged when they are complete."""
        self._log.write(text)
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            message = line.strip()
            if message.startswith(LOG_PREFIX):
                self._terminal.write(message.removeprefix(LOG_PREFIX) + "\n")
        return len(text)

    def flush(self) -> None:
        """Flushes both."""
        self._log.flush()
        self._terminal.flush()
