"""The training loop: one step is one global batch, whatever its split over processes and micro-batches.

Shapes: T tasks.
"""

import contextlib
import functools
import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from vitrail.contracts.models import METRICS_FILE
from vitrail.corpus.reader.image_reader import Batch
from vitrail.errors import TrainingError, VitrailError
from vitrail.models import VitrailModel
from vitrail.training.checkpoint import Checkpointer, Progress
from vitrail.training.config import TrainingConfig
from vitrail.training.distributed import Process
from vitrail.training.errors import located
from vitrail.training.job import TRACE_FILE
from vitrail.training.metrics import MetricLog, ProgressLine, StepMeter
from vitrail.training.objective import Objective
from vitrail.training.optimization import (
    MovingAverage,
    create_optimizer,
    learning_rate_factor,
    set_learning_rate,
    step_unless,
)
from vitrail.training.probe.feature_probe import FeatureProbe
from vitrail.training.step.feed import IMAGES, Feed, StepInput
from vitrail.training.step.readings import Reading, Readings

__all__ = ["OpenReader", "Trainer"]

logger = logging.getLogger(__name__)

OpenReader = Callable[[int], Iterable[Batch]]

_NUM_KEYS_SHOWN = 8
_SEED_STRIDE = 1_000_003  # steps of one seed do not meet those of the next


class Trainer:
    """Trains an objective from wherever its checkpoint folder stands.

    Args:
        objective: On the CPU, initialised alike in every process.
        config: Of the training; `frozen_steps` is apart because only fine-tuning has it.
        process: This process.
        work: Folder for checkpoints and metrics; the same in every process.
        identity: Digest of all that decides the result.
        title: What to call it in progress lines.
        open_reader: Opens this rank's micro-batches at a position of the global order.
        name_image: Shard and key of an image of a batch, for messages.
        probe: Looks at the features of the trunk now and then.
    """

    def __init__(
        self,
        objective: Objective,
        config: TrainingConfig,
        process: Process,
        *,
        work: Path,
        identity: str,
        title: str,
        open_reader: OpenReader,
        name_image: Callable[[Batch, int], str],
        frozen_steps: int = 0,
        probe: FeatureProbe | None = None,
    ) -> None:
        self._objective = objective.to(process.device)
        self._config = config
        self._process = process
        self._work = work
        self._identity = identity
        self._title = title
        self._open_reader = open_reader
        self._name_image = name_image
        self._frozen_steps = frozen_steps
        self._probe = probe
        self._prepare()
        # After sharding: groups hold the parameters that are really trained.
        self._optimizer = create_optimizer(objective, config.optimizer)
        decay = config.optimizer.ema_decay
        self._average = MovingAverage(objective, decay) if decay is not None else None
        self._checkpoints = Checkpointer(
            work / "checkpoints", config.checkpoint, process, objective, self._optimizer, self._average
        )
        self._forward: nn.Module = objective
        self._readings = Readings(self._tasks, process.device)

    def _prepare(self) -> None:
        compute = self._config.compute
        trunk: Any = self._objective.model.trunk
        if compute.activation_checkpointing:
            trunk.set_grad_checkpointing(True)
        if compute.compile:
            self._objective.compile()
        if compute.strategy == "fsdp2":
            mesh = init_device_mesh(self._process.device.type, (self._process.world_size,))
            for block in _trunk_blocks(trunk):
                fully_shard(block, mesh=mesh)
            fully_shard(self._objective, mesh=mesh)
            register_fsdp_forward_method(self._objective, "features")

    def run(self, is_stopped: Callable[[], bool]) -> bool:
        """Trains to the last step, or until `is_stopped` in any process.

        Returns:
            Whether the training is complete; if not, a checkpoint holds it.

        Raises:
            TrainingError: The loss is not finite, or a checkpoint cannot be read or written.
        """
        progress = self._checkpoints.restore(self._identity)
        self._set_frozen(progress.step < self._frozen_steps)
        log = MetricLog(self._work / METRICS_FILE, progress.step) if self._process.is_main else None
        line = ProgressLine(self._title, self._num_steps, progress.step) if self._process.is_main else None
        try:
            return self._run_from(progress, is_stopped, log, line)
        except VitrailError:
            self._keep_checkpoint(self._checkpoints.finish)
            raise
        except RuntimeError:
            # A collective failed, most likely after another process met an error: waiting could take for ever.
            self._keep_checkpoint(self._checkpoints.poll)
            raise
        finally:
            if line:
                line.close()
            if log:
                log.close()

    def _keep_checkpoint(self, complete: Callable[[], None]) -> None:
        """Puts the checkpoint being written in its place while an error ends the training, and never hides that."""
        try:
            complete()
        except (VitrailError, OSError, RuntimeError) as error:
            logger.warning("%s", error)

    @property
    def _num_steps(self) -> int:
        return self._config.schedule.num_steps

    def _run_from(
        self,
        progress: Progress,
        is_stopped: Callable[[], bool],
        log: MetricLog | None,
        line: ProgressLine | None,
    ) -> bool:
        meter = StepMeter(self._config.schedule.batch_size, self._process.world_size, log.last if log else {})
        if progress.step == 0:
            self._look(0, meter, log)
        feed = self._open_feed(progress, is_stopped)
        begun, is_stopping = progress.step, False
        with _profiler(self._config.profile_steps, self._work, self._process) as profiler:
            while progress.step < self._num_steps and not is_stopping:
                with self._at(progress.step):  # the reader's message has shard and key
                    taken = feed.take()
                if self._objective.is_trunk_frozen and progress.step == self._frozen_steps:
                    self._set_frozen(False)
                self._step(progress.step, taken, feed)
                progress = Progress(step=progress.step + 1, position=taken.position, identity=self._identity)
                is_stopping = taken.is_stopping
                if progress.step < self._num_steps and not is_stopping:
                    feed.fetch(is_stopped())
                meter.add(taken.consumed)
                meter.wait(feed.waited_s())
                profiler()
                self._after_step(progress, meter, log, line)
        if progress.step > begun and progress.step % self._config.checkpoint.every_steps:
            self._save(progress, meter)
        self._checkpoints.finish()
        return progress.step >= self._num_steps

    @property
    def _tasks(self) -> list[str]:
        return [task.name for task in self._objective.tasks]

    def _open_feed(self, progress: Progress, is_stopped: Callable[[], bool]) -> Feed:
        is_over = progress.step == self._num_steps
        with self._at(progress.step):
            batches = iter(() if is_over else self._open_reader(progress.position))
        accumulation = self._config.schedule.accumulation
        feed = Feed(batches, progress.step, self._prepare_batch, self._tasks, accumulation, self._process)
        if not is_over:
            feed.fetch(is_stopped())
        return feed

    def _prepare_batch(self, step: int, batch: Batch) -> dict[str, Tensor]:
        drawn = self._objective.draw(batch.targets, self._seed(step))
        return {IMAGES: batch.images, **batch.targets, **drawn}

    def _seed(self, step: int) -> int:
        return self._config.seed * _SEED_STRIDE + step

    def _at(self, step: int) -> contextlib.AbstractContextManager[None]:
        return located(f"{self._title}, step {step + 1}")

    def _after_step(
        self,
        progress: Progress,
        meter: StepMeter,
        log: MetricLog | None,
        line: ProgressLine | None,
    ) -> None:
        self._look(progress.step, meter, log)
        if line:
            line.advance(progress.step)
        if progress.step % self._config.log_every_steps == 0 or progress.step == self._num_steps:
            self._read(meter)
            if log and line:
                entry = {"step": progress.step, **meter.take(self._optimizer.param_groups[-1]["lr"])}
                log.write(entry)
                line.report(progress.step, entry)
        self._checkpoints.poll()
        if progress.step % self._config.checkpoint.every_steps == 0:
            self._save(progress, meter)

    def _save(self, progress: Progress, meter: StepMeter) -> None:
        """Begins a checkpoint, of weights that are known to be good."""
        self._read(meter)
        self._checkpoints.start(progress)

    def _read(self, meter: StepMeter) -> None:
        """Reads what the steps since the last time came to; this waits for the device.

        Raises:
            TrainingError: A loss or gradient was not finite; no weight has changed since.
        """
        for reading in self._readings.read():
            if not reading.is_finite:
                raise TrainingError(self._describe_failure(reading))
            meter.record(reading)

    def _look(self, step: int, meter: StepMeter, log: MetricLog | None) -> None:
        """Logs what the probe finds in the weights that would be served; nothing of the training changes."""
        if self._probe is None or not self._probe.is_due(step):
            return
        began = time.perf_counter()
        trunk, is_training = self._objective.model.trunk, self._objective.model.trunk.training
        trunk.eval()
        with self._average.in_place() if self._average else contextlib.nullcontext(), self._at(step - 1):
            found = self._probe.look(step, self._features)
        trunk.train(is_training)
        if isinstance(self._objective, FSDPModule):
            self._objective.reshard()
        seconds = time.perf_counter() - began
        meter.pause(seconds)
        if log and found:
            log.write({"step": step, "probe": {**found, "seconds": seconds}})

    def _features(self, images: Tensor) -> Tensor:
        with self._autocast():
            return self._objective.features(images)

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        if self._config.compute.precision == "fp32":
            return contextlib.nullcontext()
        return torch.autocast(self._process.device.type, dtype=torch.bfloat16)

    def _set_frozen(self, is_frozen: bool) -> None:
        objective = self._objective
        objective.is_trunk_frozen = is_frozen
        objective.train()
        objective.model.trunk.train(not is_frozen)
        if isinstance(objective, FSDPModule):
            return  # sharded parameters keep `requires_grad`; the trunk just stays out of the graph
        objective.model.trunk.requires_grad_(not is_frozen)
        if self._process.world_size > 1:
            # DDP fixes what it synchronises when it is made.
            self._forward = DistributedDataParallel(objective, gradient_as_bucket_view=True)

    def _step(self, step: int, taken: StepInput, feed: Feed) -> None:
        """Asks for a step without waiting for anything of it; the weights stay when its loss is not finite."""
        self._optimizer.zero_grad(set_to_none=True)
        own_t = torch.zeros(len(taken.counts), device=self._process.device)
        for number, (images, targets) in enumerate(feed.arrivals(taken)):
            is_last = number == len(taken.described) - 1
            with self._synchronisation(is_last):
                own_t += self._backward(step, number, images, targets, taken.counts)
        total_t = self._process.sum(own_t.clone())
        self._readings.add(step, taken.described, total_t, own_t, self._clip())
        factor = learning_rate_factor(step, self._config.schedule)
        set_learning_rate(self._optimizer, factor * self._config.optimizer.learning_rate)
        step_unless(self._readings.is_bad, self._optimizer)
        if self._average:
            self._average.update(step)

    def _backward(
        self, step: int, number: int, images: Tensor, targets: Mapping[str, Tensor], counts: Mapping[str, Tensor]
    ) -> Tensor:
        # Dropout is a function of the place, not of history: nothing to save, nothing to restore.
        torch.manual_seed((self._seed(step) * _SEED_STRIDE + number) * _SEED_STRIDE + self._process.rank)
        with self._autocast():
            losses = self._forward(images, targets, counts)
        loss_t = torch.stack(list(losses.values()))
        # DDP and FSDP2 average gradients over processes; the loss is a sum over all their images.
        (loss_t.sum() * self._process.world_size).backward()
        return loss_t.detach()

    def _synchronisation(self, is_last: bool) -> contextlib.AbstractContextManager[None]:
        if isinstance(self._objective, FSDPModule):
            self._objective.set_requires_gradient_sync(is_last)
        elif isinstance(self._forward, DistributedDataParallel) and not is_last:
            return self._forward.no_sync()
        return contextlib.nullcontext()

    def _clip(self) -> Tensor:
        parameters = [parameter for parameter in self._objective.parameters() if parameter.grad is not None]
        limit = self._config.optimizer.clip_norm
        norm = nn.utils.clip_grad_norm_(parameters, float("inf") if limit is None else limit)
        return norm.full_tensor() if isinstance(norm, DTensor) else norm

    def _describe_failure(self, reading: Reading) -> str:
        values = {**reading.losses, "gradient norm": reading.grad_norm}
        what = "gradient" if all(map(math.isfinite, reading.losses.values())) else "loss"
        mine: list[str] = []
        if what == "gradient" or not reading.is_own_finite:
            mine = [self._name_image(batch, row) for batch in reading.described for row in range(len(batch.image_ids))]
        named = self._process.gather(mine)
        more = f" and {len(named) - _NUM_KEYS_SHOWN} more" if len(named) > _NUM_KEYS_SHOWN else ""
        where = f"images (shard/key) {', '.join(named[:_NUM_KEYS_SHOWN])}{more}"
        return (
            f"{self._title}: the {what} of step {reading.step + 1} is not finite "
            f"({', '.join(f'{name}={value}' for name, value in values.items())}) on {where}; checkpoints before it "
            f"are intact in {self._work / 'checkpoints'} and go on under another compute.precision. A lower learning "
            "rate or clip_norm makes another training, which starts from step 1 in another folder"
        )

    def trained_model(self) -> VitrailModel | None:
        """The model to serve, on the CPU, in the main process; None in the others. All must call it."""
        averages = self._average.tensors if self._average else {}
        state = {}
        for name, value in self._objective.state_dict().items():
            tensor = averages.get(name, value)
            full = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
            if name.startswith("model."):
                state[name.removeprefix("model.")] = full.detach().cpu()
        if not self._process.is_main:
            return None
        source = self._objective.model
        model = VitrailModel(source.architecture, source.transforms, source.specs)
        model.load_state_dict(state)
        return model.eval()


def _trunk_blocks(trunk: nn.Module) -> list[nn.Module]:
    """What FSDP2 gathers one at a time: the blocks of a ViT, or the stages of a CNN."""
    blocks = getattr(trunk, "blocks", None)
    if isinstance(blocks, nn.Sequential | nn.ModuleList):
        return list(blocks)
    return [child for child in trunk.children() if isinstance(child, nn.Sequential)]


@contextlib.contextmanager
def _profiler(num_steps: int, work: Path, process: Process) -> Iterator[Callable[[], Any]]:
    """Profiles steps 2 to `num_steps` + 1 of this start into a Chrome trace."""
    if not num_steps or not process.is_main:
        yield lambda: None
        return
    schedule = torch.profiler.schedule(wait=0, warmup=1, active=num_steps, repeat=1)
    save = functools.partial(_save_trace, work / TRACE_FILE)
    # One cycle, so there is nothing to accumulate; torch 2.11 warns when that is not said.
    with torch.profiler.profile(schedule=schedule, on_trace_ready=save, acc_events=True) as profile:
        yield profile.step


def _save_trace(path: Path, profile: torch.profiler.profile) -> None:
    profile.export_chrome_trace(str(path))
    logger.info("profile of the training steps: %s", path)
