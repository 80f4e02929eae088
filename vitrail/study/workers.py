"""Worker processes side by side."""

import json
import os
import queue
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from vitrail.contracts.codec import encode
from vitrail.errors import StudyError
from vitrail.study.orders import Order

__all__ = ["Workers"]

_GRACE_S = 60.0  # for the checkpoint that a stopped training writes


class Workers:
    """A number of `vitrail.study.worker` processes, started when they are needed; they share the cores of this one."""

    def __init__(self, num_workers: int, logs: Path) -> None:
        """Lets each log into a file of its own in `logs`."""
        self._logs = logs
        self._num_threads = max(1, len(os.sched_getaffinity(0)) // num_workers)
        self._started: dict[int, subprocess.Popen[str]] = {}
        self._idle: queue.SimpleQueue[int] = queue.SimpleQueue()
        for number in range(num_workers):
            self._idle.put(number)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        processes = list(self._started.values())
        for process in processes:
            if kind is not None:
                process.terminate()
            if process.stdin:
                process.stdin.close()
        for process in processes:
            _wait_for_end(process)

    def ask(self, order: Order) -> str:
        """Has an idle worker carry out an order; returns why it could not, or nothing.

        A worker that dies takes its order with it and nothing else: the next one goes to a fresh process.

        Raises:
            StudyError: The worker died.
        """
        number = self._idle.get()
        try:
            answer = _exchange(self._process(number), order)
            if not answer:
                raise StudyError(self._bury(number))
        finally:
            self._idle.put(number)
        return str(json.loads(answer))

    def _bury(self, number: int) -> str:
        """Forgets a worker that died, and says what it died of."""
        process = self._started.pop(number)
        status = _wait_for_end(process)
        see = f"see {self._log(number)}, and start the study again to try it once more"
        if status < 0:
            memory = (
                ", for want of memory if nobody did it; fewer --jobs need less" if status == -signal.SIGKILL else ""
            )
            return f"its process was ended by {signal.Signals(-status).name}{memory}; {see}"
        lines = self._log(number).read_text(encoding="utf-8", errors="replace").split("\n")
        said = next((line for line in reversed(lines) if line.strip()), "nothing")
        return f"its process ended with status {status}: {said}; {see}"

    def _process(self, number: int) -> "subprocess.Popen[str]":
        if number not in self._started:
            self._logs.mkdir(parents=True, exist_ok=True)
            self._started[number] = _start(self._log(number), self._num_threads)
        return self._started[number]

    def _log(self, number: int) -> Path:
        return self._logs / f"worker-{number}.log"


def _exchange(process: "subprocess.Popen[str]", order: Order) -> str:
    """The answer to an order; empty when the process is gone."""
    assert process.stdin  # noqa: S101 - both are pipes
    assert process.stdout  # noqa: S101
    try:
        process.stdin.write(json.dumps(encode(order)) + "\n")
        process.stdin.flush()
        return process.stdout.readline()
    except (OSError, ValueError):  # its end of a pipe is gone, or ours was closed
        return ""


def _wait_for_end(process: "subprocess.Popen[str]") -> int:
    """The exit status of a process that ends by itself, or is killed for not doing so."""
    try:
        process.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
    if process.stdout:
        process.stdout.close()
    return process.wait()


def _start(log: Path, num_threads: int) -> "subprocess.Popen[str]":
    environment = os.environ | {"OMP_NUM_THREADS": str(num_threads)}
    with log.open("ab") as stream:
        # In a session of its own: Ctrl-C reaches only this process, which then asks the workers to end in order.
        return subprocess.Popen(
            [sys.executable, "-m", "vitrail.study.worker", f"--launcher={os.getpid()}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stream,
            text=True,
            env=environment,
            start_new_session=True,
        )
