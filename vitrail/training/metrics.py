"""What a training tells while it runs: `training.jsonl` and a line or bar of progress."""

import json
import logging
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

__all__ = ["MetricLog", "ProgressLine", "StepMeter"]

logger = logging.getLogger(__name__)


class MetricLog:
    """Appends one JSON object per logged step.

    Args:
        path: The file; lines after `step` are dropped, for they will be written again.
        step: Steps done when the training continues.
    """

    def __init__(self, path: Path, step: int) -> None:
        kept = [line for line in _read_lines(path) if line["step"] <= step]
        partial = path.with_name(f".{path.name}")
        partial.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
        partial.replace(path)
        self._stream = path.open("a", encoding="utf-8")

    def write(self, line: dict[str, Any]) -> None:
        """Writes one line at once, so that a kill loses none."""
        self._stream.write(json.dumps(line, allow_nan=False) + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Ends the log."""
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()


def _read_lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(text))
        except ValueError:
            break  # the last line of a killed process
    return lines


class StepMeter:
    """Times the steps between two lines of the log."""

    def __init__(self, batch_size: int) -> None:
        self._batch_size = batch_size
        self._begin = time.perf_counter()
        self._restart()

    def _restart(self) -> None:
        self._since = time.perf_counter()
        self._num_steps = 0
        self._waited_s = 0.0
        self._losses: dict[str, float] = {}

    def add(self, losses: dict[str, float], waited_s: float) -> None:
        """Counts a step, its losses and how long it waited for data."""
        self._num_steps += 1
        self._waited_s += waited_s
        for name, loss in losses.items():
            self._losses[name] = self._losses.get(name, 0.0) + loss

    def take(self) -> dict[str, Any]:
        """Means and rates since the last call."""
        elapsed_s = time.perf_counter() - self._since
        losses = {name: total / self._num_steps for name, total in self._losses.items()}
        line = {
            "loss": sum(losses.values()),
            "losses": losses,
            "images_per_s": self._num_steps * self._batch_size / elapsed_s,
            "data_wait_share": min(self._waited_s / elapsed_s, 1.0),
            "memory_bytes": _peak_memory_bytes(),
            "seconds": time.perf_counter() - self._begin,
        }
        self._restart()
        return line


def _peak_memory_bytes() -> int:
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class ProgressLine:
    """A bar on a terminal, plain log lines elsewhere; both on stderr."""

    def __init__(self, title: str, num_steps: int, step: int) -> None:
        self._title = title
        self._num_steps = num_steps
        self._begin_step = step
        self._begin = time.perf_counter()
        self._bar: Progress | None = None
        if sys.stderr.isatty():
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[status]}"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
            )
            self._task = self._bar.add_task(title, total=num_steps, completed=step, status="")
            self._bar.start()

    def advance(self, step: int) -> None:
        """Moves the bar."""
        if self._bar:
            self._bar.update(self._task, completed=step)

    def report(self, step: int, line: dict[str, Any]) -> None:
        """Shows loss, rate and, without a bar, the time left."""
        status = f"loss {line['loss']:.4f}  {line['images_per_s']:.0f} images/s"
        if self._bar:
            self._bar.update(self._task, completed=step, status=status)
            return
        per_step_s = (time.perf_counter() - self._begin) / max(step - self._begin_step, 1)
        left_s = round(per_step_s * (self._num_steps - step))
        logger.info("%s step %d/%d  %s  %ds left", self._title, step, self._num_steps, status, left_s)

    def close(self) -> None:
        """Takes the bar away."""
        if self._bar:
            self._bar.stop()
