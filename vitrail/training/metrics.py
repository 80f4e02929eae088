"""What a training tells while it runs: `training.jsonl` and a line or bar of progress."""

import contextlib
import json
import logging
import resource
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from vitrail.errors import TrainingError
from vitrail.training.step.readings import Reading

__all__ = ["Consumption", "MetricLog", "ProgressLine", "StepMeter"]

logger = logging.getLogger(__name__)

# Of the steps that count: what a kill threw away is not in them.
_TOTALS = ("seconds", "device_seconds", "label_rows", "label_values", "bytes_read")


class MetricLog:
    """Appends one JSON object per logged step.

    Args:
        path: The file; lines after `step` are dropped, for they will be written again.
        step: Steps done when the training continues.

    Attributes:
        last: The line with totals of the last logged step before this start; empty without one.
    """

    def __init__(self, path: Path, step: int) -> None:
        kept = [line for line in _read_lines(path) if line["step"] <= step] if step else []
        partial = path.with_name(f".{path.name}")
        partial.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
        partial.replace(path)
        self._path = path
        self._stream = path.open("a", encoding="utf-8")
        self.last: dict[str, Any] = next((line for line in reversed(kept) if _TOTALS[0] in line), {})

    def write(self, line: dict[str, Any]) -> None:
        """Writes one line at once, so that a kill loses none.

        Raises:
            TrainingError: The disk is full or the folder gone.
        """
        try:
            self._stream.write(json.dumps(line, allow_nan=False) + "\n")
            self._stream.flush()
        except OSError as error:
            raise TrainingError(
                f"the log of step {line['step']} could not be written to {self._path}: {error}; free space or fix the "
                "folder and start again to continue from the last checkpoint"
            ) from error

    def close(self) -> None:
        """Ends the log."""
        with contextlib.suppress(OSError):  # what could not be written has been reported by `write`
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


@dataclass(frozen=True, kw_only=True)
class Consumption:
    """What one step took in, over all processes.

    Attributes:
        label_rows: Images with a label, summed over the tasks.
        label_values: Their labels.
        bytes_read: Encoded size of its images.
    """

    label_rows: int
    label_values: int
    bytes_read: int


class StepMeter:
    """Times the steps between two lines of the log.

    Args:
        batch_size: Images of a step over all processes.
        num_processes: Of this start.
        last: The last line before this start, from which the totals go on.
    """

    def __init__(self, batch_size: int, num_processes: int, last: Mapping[str, Any]) -> None:
        self._batch_size = batch_size
        self._num_processes = num_processes
        self._totals = {name: last.get(name, 0) for name in _TOTALS}
        self._restart()

    def _restart(self) -> None:
        self._since = time.perf_counter()
        self._num_steps = 0
        self._waited_s = 0.0
        self._losses: dict[str, float] = {}
        self._grad_norm = 0.0

    def add(self, consumed: Consumption) -> None:
        """Counts a step and what it took in."""
        self._num_steps += 1
        self._totals["label_rows"] += consumed.label_rows
        self._totals["label_values"] += consumed.label_values
        self._totals["bytes_read"] += consumed.bytes_read

    def record(self, reading: Reading) -> None:
        """Takes what a step that was counted came to, when it is known."""
        self._grad_norm = reading.grad_norm
        for name, loss in reading.losses.items():
            self._losses[name] = self._losses.get(name, 0.0) + loss

    def wait(self, seconds: float) -> None:
        """Notes that there was nothing to compute, because data was not there yet."""
        self._waited_s += seconds

    def pause(self, seconds: float) -> None:
        """Leaves out of the rates, and not of the totals, what was no step."""
        self._since += seconds
        self._totals["seconds"] += seconds
        self._totals["device_seconds"] += seconds * self._num_processes

    def take(self, learning_rate: float) -> dict[str, Any]:
        """Means and rates since the last call, and totals since the first step of the training."""
        elapsed_s = time.perf_counter() - self._since
        self._totals["seconds"] += elapsed_s
        self._totals["device_seconds"] += elapsed_s * self._num_processes
        losses = {name: total / self._num_steps for name, total in self._losses.items()}
        line = {
            "loss": sum(losses.values()),
            "losses": losses,
            "images_per_s": self._num_steps * self._batch_size / elapsed_s,
            "data_wait_share": min(self._waited_s / elapsed_s, 1.0),
            "memory_bytes": _peak_memory_bytes(),
            **self._totals,
            "learning_rate": learning_rate,
            "grad_norm": self._grad_norm,
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
