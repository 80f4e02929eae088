"""One model on every device given, whose answers come in the order of the batches."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import torch
from torch import Tensor

from vitrail.contracts.models import ModelManifest, Transforms
from vitrail.models import Predictions, Predictor

__all__ = ["Answered", "DevicePredictors", "answer_timed", "given_devices"]

_AHEAD = 2  # batches a device has or waits for

Answered = tuple[list[str], Predictions, float]


def given_devices(device: str) -> list[str]:
    """The devices that a configuration's `device` means: `cuda` is every GPU that this process sees."""
    if device == "cuda" and torch.cuda.device_count() > 1:
        return [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    return [device]


class DevicePredictors:
    """A model folder on several devices, which take batches in turn, each in a thread of its own.

    Kernels run beside each other, and the batches are prepared by the same reader for all. What is answered does not
    depend on their number, up to what a device's arithmetic does.

    Attributes:
        manifest: The model's manifest.
    """

    def __init__(self, model: Path, devices: Sequence[str]) -> None:
        self._predictors = [Predictor(model, device) for device in devices]

    @property
    def manifest(self) -> ModelManifest:
        """Of the model."""
        return self._predictors[0].manifest

    @property
    def transforms(self) -> Transforms:
        """How images are prepared for it."""
        return self.manifest.transforms

    @property
    def is_cuda(self) -> bool:
        """Whether batches go to GPUs."""
        return self._predictors[0].device.type == "cuda"

    def predict(self, batches: Iterable[tuple[list[str], Tensor]]) -> Iterator[Answered]:
        """Image ids, answers and seconds of inference of each batch, in order.

        Args:
            batches: Image ids, and uint8 [B, 3, S, S].
        """
        if len(self._predictors) == 1:
            return (answer_timed(self._predictors[0].predict, *batch) for batch in batches)
        return self._predict_in_turn(batches)

    def _predict_in_turn(self, batches: Iterable[tuple[list[str], Tensor]]) -> Iterator[Answered]:
        pending: deque[Future[Answered]] = deque()
        with ExitStack() as stack:
            threads = [stack.enter_context(ThreadPoolExecutor(1)) for _ in self._predictors]
            for number, batch in enumerate(batches):
                place = number % len(threads)
                pending.append(threads[place].submit(answer_timed, self._predictors[place].predict, *batch))
                if len(pending) == _AHEAD * len(threads):
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()


def answer_timed(predict_fn: Callable[[Tensor], Predictions], image_ids: list[str], images: Tensor) -> Answered:
    """Image ids, answers for them, and the seconds that these took."""
    started = time.perf_counter()
    predictions = predict_fn(images)
    return image_ids, predictions, time.perf_counter() - started
