"""Tasks of a pipeline on this machine: each a subprocess of this interpreter's environment."""

import contextlib
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType

import psutil

from pipelines.console import StepConsole
from vitrail.steps import Workspace

__all__ = ["run_tasks"]


def run_tasks(pipeline: Callable[..., object], workspace: Workspace, arguments: Mapping[str, str]) -> Path:
    """Runs the tasks of a pipeline for a run and returns the log of what their tools wrote; failures are there too."""
    from kfp import local

    run, log_path = workspace.run_folder, workspace.run_folder / "pipeline.log"
    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=str(workspace.root / "kfp" / run.name))
    with (
        _stopping_in_order(),
        log_path.open("a", encoding="utf-8", buffering=1) as log,
        contextlib.redirect_stdout(StepConsole(log)),
        contextlib.redirect_stderr(log),
    ):
        try:
            pipeline(**arguments)
        except RuntimeError as error:  # KFP names the task; why it failed is in the run's records
            log.write(f"{error}\n")
    return log_path


@contextlib.contextmanager
def _stopping_in_order() -> Iterator[None]:
    """SIGTERM goes on to the running task, which keeps what it has; the exit handler then writes the report."""

    def forward(number: int, frame: FrameType | None) -> None:
        for shell in psutil.Process().children():  # KFP starts each task through one
            for process in (*shell.children(), shell):
                process.terminate()

    previous = signal.signal(signal.SIGTERM, forward)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
