"""Checkpoints: written beside the training by torch.distributed.checkpoint, whole or not at all.

<folder>/step-00000500/     DCP files and progress.json; loadable at any world size
<folder>/.step-00000600     being written; removed at the next start
"""

import logging
import shutil
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.metadata import TensorStorageMetadata
from torch.distributed.checkpoint.state_dict_loader import load as load_state
from torch.distributed.checkpoint.state_dict_saver import async_save

from vitrail.contracts.codec import load, save
from vitrail.errors import TrainingError, VitrailError
from vitrail.training.checkpoint_reader import TensorListReader
from vitrail.training.config import CheckpointConfig
from vitrail.training.distributed import Process
from vitrail.training.job import list_checkpoints
from vitrail.training.optimization import MovingAverage

__all__ = ["Checkpointer", "Progress"]

logger = logging.getLogger(__name__)

_PROGRESS_FILE = "progress.json"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a training stands.

    Attributes:
        step: Steps done.
        position: Samples of the reader's global order that went into them.
        identity: Digest of everything that decides the result; another training does not continue from here.
    """

    step: int
    position: int
    identity: str


class Checkpointer:
    """Saves and restores parameters, optimizer, moving average and position.

    Random numbers need no state: each step seeds its generator from (seed, step, rank).
    """

    def __init__(
        self,
        folder: Path,
        config: CheckpointConfig,
        process: Process,
        module: nn.Module,
        optimizer: torch.optim.Optimizer,
        average: MovingAverage | None,
    ) -> None:
        self._folder = folder
        self._config = config
        self._process = process
        self._module = module
        self._optimizer = optimizer
        self._average = average
        self._pending: tuple[Future[Any], Progress] | None = None
        if process.is_main:
            folder.mkdir(parents=True, exist_ok=True)
            for partial in folder.glob(".step-*"):
                shutil.rmtree(partial)
        process.barrier()

    def start(self, progress: Progress) -> None:
        """Begins to write a checkpoint; training may go on at once.

        Raises:
            TrainingError: The checkpoint before could not be written.
        """
        self.finish()
        future = async_save(self._state(), checkpoint_id=self._partial(progress), process_group=self._process.files)
        assert isinstance(future, Future)  # noqa: S101 - what the default stager gives
        self._pending = future, progress

    def poll(self) -> None:
        """Puts a checkpoint that has been written in its place."""
        if self._pending and self._pending[0].done():
            self.finish()

    def finish(self) -> None:
        """Waits until no checkpoint is being written.

        Raises:
            TrainingError: It could not be written; earlier ones are intact.
        """
        if self._pending is None:
            return
        (future, progress), self._pending = self._pending, None
        try:
            future.result()
            if self._process.is_main:
                save(self._partial(progress) / _PROGRESS_FILE, progress)
                self._partial(progress).replace(self._path(progress))
        except (OSError, CheckpointException) as error:
            if self._process.is_main:
                shutil.rmtree(self._partial(progress), ignore_errors=True)  # makes room to say so
            raise TrainingError(self._describe_failure(progress, error)) from error
        if self._process.is_main:
            self._prune()

    def _describe_failure(self, progress: Progress, error: BaseException) -> str:
        intact = list_checkpoints(self._folder)
        remedy = f"the next start continues from {intact[-1].name}" if intact else "there is no earlier one"
        return (
            f"the checkpoint of step {progress.step} could not be written to {self._folder}: {_reason(error)}; "
            f"{_room(self._folder)}; free space or fix the folder, {remedy}"
        )

    def _prune(self) -> None:
        for path in list_checkpoints(self._folder)[: -self._config.keep]:
            retired = path.with_name(f".{path.name}")
            path.replace(retired)
            shutil.rmtree(retired)

    def _path(self, progress: Progress) -> Path:
        return self._folder / f"step-{progress.step:08d}"

    def _partial(self, progress: Progress) -> Path:
        return self._folder / f".step-{progress.step:08d}"

    def restore(self, identity: str) -> Progress:
        """Loads the last checkpoint, or gives the start when there is none.

        Raises:
            TrainingError: It belongs to another training or cannot be read.
        """
        paths = list_checkpoints(self._folder) if self._process.is_main else []
        choice = [str(paths[-1]) if paths else None]
        dist.broadcast_object_list(choice, group=self._process.files)
        if choice[0] is None:
            return Progress(step=0, position=0, identity=identity)
        path = Path(choice[0])
        try:
            progress = load(Progress, path / _PROGRESS_FILE)
            self._check_identity(path, progress, identity)
            self._load(path)
        except TrainingError:
            raise
        except (OSError, RuntimeError, EOFError, UnpicklingError, VitrailError, CheckpointException) as error:
            raise TrainingError(
                f"checkpoint {path} cannot be read: {_reason(error)}; "
                "remove that folder to continue from the one before"
            ) from error
        logger.info("continuing after step %d from %s", progress.step, path)
        return progress

    def _check_identity(self, path: Path, progress: Progress, identity: str) -> None:
        if progress.identity != identity:
            raise TrainingError(
                f"checkpoint {path} belongs to a training with other data or configuration; "
                f"train in another folder, or remove {path.parent} to begin anew"
            )

    def _load(self, path: Path) -> None:
        reader = TensorListReader(path)
        stored = reader.read_metadata().state_dict_metadata
        state = self._state()
        parameters = dict(self._module.named_parameters())
        for key, metadata in stored.items():
            if key.startswith("optimizer.") and isinstance(metadata, TensorStorageMetadata):
                state[key] = _empty_like(metadata, parameters[key.split(".", 1)[1].rpartition(".")[0]])
        load_state(state, storage_reader=reader, process_group=self._process.files)
        self._load_optimizer(state)

    def _state(self) -> dict[str, Tensor]:
        state = {f"model.{name}": value for name, value in self._module.state_dict().items()}
        if self._average:
            state |= {f"average.{name}": value for name, value in self._average.tensors.items()}
        for name, parameter in self._module.named_parameters():
            for kind, value in self._optimizer.state.get(parameter, {}).items():
                if isinstance(value, Tensor):
                    state[f"optimizer.{name}.{kind}"] = value
        return state

    def _load_optimizer(self, state: dict[str, Tensor]) -> None:
        names = {parameter: name for name, parameter in self._module.named_parameters()}
        order = [parameter for group in self._optimizer.param_groups for parameter in group["params"]]
        by_index: dict[int, dict[str, Tensor]] = {}
        for index, parameter in enumerate(order):
            prefix = f"optimizer.{names[parameter]}."
            values = {key.removeprefix(prefix): state[key] for key in state if key.startswith(prefix)}
            if values:
                by_index[index] = values
        groups = self._optimizer.state_dict()["param_groups"]
        self._optimizer.load_state_dict({"state": by_index, "param_groups": groups})


def _reason(error: BaseException) -> str:
    """The cause of an error on one line; torch wraps that of each rank into a traceback."""
    if isinstance(error, CheckpointException):
        return "; ".join(f"rank {rank}: {_reason(cause[0])}" for rank, cause in error.failures.items())
    if isinstance(error, EOFError):
        return "a file is cut short"  # the error itself is often without a word
    return f"{type(error).__name__}: {str(error).strip() or 'the file is damaged'}"


def _room(folder: Path) -> str:
    """How much is free; torch may give a full disk another reason."""
    try:
        return f"{shutil.disk_usage(folder).free / 1e6:,.1f} MB are free there"
    except OSError as error:
        return f"the folder cannot be read ({error.strerror})"


def _empty_like(metadata: TensorStorageMetadata, parameter: Tensor) -> Tensor:
    if metadata.size == parameter.shape:
        return torch.zeros_like(parameter, dtype=metadata.properties.dtype)
    return torch.zeros(metadata.size, dtype=metadata.properties.dtype, device=parameter.device)
