"""Batches from the reader to the step, one step ahead of it: counted among all processes and sent to the device.

Shapes: B images of a micro-batch, S image size.
"""

import dataclasses
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributed import Work

from vitrail.corpus.reader.assembly import Batch
from vitrail.errors import VitrailError
from vitrail.training.distributed import Process
from vitrail.training.metrics import Consumption
from vitrail.training.step.transfer import Sent, Transfer

__all__ = ["IMAGES", "Feed", "StepInput"]

IMAGES = "images"
Prepare = Callable[[int, Batch], dict[str, Tensor]]


@dataclass(frozen=True, kw_only=True)
class StepInput:
    """What one step takes in.

    Attributes:
        counts: Images with a label in the global batch, by task; float32, on the device.
        consumed: What is in the global batch.
        is_stopping: Whether any process wants this to be the last step.
        described: The micro-batches without their images, for messages.
        position: Of the reader after this step.
        sent: The first micro-batch, and those that follow.
    """

    counts: dict[str, Tensor]
    consumed: Consumption
    is_stopping: bool
    described: tuple[Batch, ...]
    position: int
    sent: tuple[int, Sent, Sequence[Batch]]


@dataclass(frozen=True)
class _Totals:
    """Numbers that are being added up over all processes."""

    values: Tensor
    work: Work | None

    def wait(self) -> list[int]:
        if self.work:
            self.work.wait()
        found: list[int] = self.values.tolist()
        return found


@dataclass(frozen=True)
class _Fetched:
    """The micro-batches of a step, the first under way."""

    step: int
    micro: list[Batch]
    first: Sent


class Feed:
    """Has the next step's micro-batches read, counted and sent while a step is computed.

    Nothing here waits for the device: what processes must agree on are numbers of the host.

    Args:
        batches: Micro-batches of this process.
        step: Steps done before.
        prepare: What the device gets of a micro-batch of a 0-based step, on the CPU, with the images as `images`.
        tasks: Their names.
        accumulation: Micro-batches a step.
        process: This process.
    """

    def __init__(
        self,
        batches: Iterator[Batch],
        step: int,
        prepare: Prepare,
        tasks: Sequence[str],
        accumulation: int,
        process: Process,
    ) -> None:
        self._batches = batches
        self._step = step
        self._prepare = prepare
        self._tasks = tasks
        self._accumulation = accumulation
        self._process = process
        self._transfer = Transfer(process.device)
        self._fetched: _Fetched | VitrailError | OSError | None = None
        self._totals = _Totals(torch.empty(0), None)
        self._waited_s = 0.0

    def fetch(self, is_stopped: bool) -> None:
        """Reads the next step's micro-batches; what goes wrong is raised by `take`, when it is their turn.

        Args:
            is_stopped: Whether this process wants that step to be its last.
        """
        numbers = [0] * (len(self._tasks) + 2)
        try:
            fetched = self._read()
        except (VitrailError, OSError) as error:
            self._fetched = error
        else:
            self._fetched = fetched
            numbers = self._count(fetched.micro)
            self._step += 1
        totals = torch.tensor([*numbers, int(is_stopped)], dtype=torch.int64)
        # After an error too: the others have the same collectives in the same order until `take`.
        self._totals = _Totals(totals, self._process.start_sum(totals))

    def _read(self) -> _Fetched:
        idle = self._transfer.end_step()
        began = time.perf_counter()
        micro = list(itertools.islice(self._batches, self._accumulation))
        if idle is None:
            self._waited_s += time.perf_counter() - began
        first = self._transfer.send(self._prepare(self._step, micro[0]))
        self._transfer.add_gap(idle, first)
        return _Fetched(self._step, micro, first)

    def _count(self, micro: Sequence[Batch]) -> list[int]:
        tallies = [batch.tally for batch in micro]
        labelled = [sum(tally.labelled[name] for tally in tallies) for name in self._tasks]
        num_values = sum(tally.labels[name] for tally in tallies for name in self._tasks)
        return [*labelled, num_values, sum(tally.num_bytes for tally in tallies)]

    def take(self) -> StepInput:
        """What was fetched last.

        Raises:
            VitrailError: It could not be read.
            OSError: Likewise.
        """
        fetched, self._fetched = self._fetched, None
        if isinstance(fetched, Exception):
            raise fetched
        assert fetched is not None  # noqa: S101 - `fetch` comes first
        *labelled, values, read, stops = self._totals.wait()
        sent = self._transfer.send({"counts": torch.tensor(labelled, dtype=torch.float32)})
        counts = self._transfer.receive(sent)["counts"].unbind()
        return StepInput(
            counts=dict(zip(self._tasks, counts, strict=True)),
            consumed=Consumption(label_rows=sum(labelled), label_values=values, bytes_read=read),
            is_stopping=bool(stops),
            described=tuple(dataclasses.replace(batch, images=torch.empty(0)) for batch in fetched.micro),
            position=fetched.micro[-1].position,
            sent=(fetched.step, fetched.first, fetched.micro[1:]),
        )

    def arrivals(self, taken: StepInput) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
        """Images [B, 3, S, S] and targets of each micro-batch on the device, the next one under way."""
        step, sent, rest = taken.sent
        for batch in [*rest, None]:
            following = self._transfer.send(self._prepare(step, batch)) if batch else None
            tensors = dict(self._transfer.receive(sent))
            yield tensors.pop(IMAGES), tensors
            self._transfer.end_batch()
            if following:
                sent = following

    def waited_s(self) -> float:
        """Seconds without work since the last call because the next batch was not there yet.

        Of this process; of the device where that computes by itself, as far as it is known by now.
        """
        waited_s, self._waited_s = self._waited_s, 0.0
        return waited_s + self._transfer.idle_s()
