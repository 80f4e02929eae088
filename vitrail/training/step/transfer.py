"""Tensors on their way to the device: on CUDA from pinned memory, on a stream of their own, beside the computation."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Sent", "Transfer"]

_NUM_IN_FLIGHT = 2  # batches that are being computed or wait to be; a third may be on its way


@dataclass(frozen=True)
class Sent:
    """Tensors that are there when `ready` has happened; at once without it."""

    tensors: dict[str, Tensor]
    ready: torch.cuda.Event | None = None


class Transfer:
    """Moves batches to a device.

    `send` returns before the tensors are there, and `receive` makes the device wait for them, never this process. It
    waits in `send` alone, for a batch before the one that is computed: the device has work for all that time.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._computed: deque[torch.cuda.Event] = deque()
        self._gaps: deque[tuple[torch.cuda.Event, torch.cuda.Event]] = deque()

    def send(self, tensors: Mapping[str, Tensor]) -> Sent:
        """Begins to move tensors; they must not be changed afterwards."""
        if self._stream is None:
            return Sent({name: tensor.to(self._device) for name, tensor in tensors.items()})
        while len(self._computed) >= _NUM_IN_FLIGHT:
            self._computed.popleft().synchronize()
        pinned = {name: tensor if tensor.is_pinned() else tensor.pin_memory() for name, tensor in tensors.items()}
        with torch.cuda.stream(self._stream):
            moved = {name: tensor.to(self._device, non_blocking=True) for name, tensor in pinned.items()}
            ready = _record(self._stream)
        return Sent(moved, ready)

    def receive(self, sent: Sent) -> dict[str, Tensor]:
        """The tensors, for what is computed from now on."""
        if sent.ready is not None:
            current = torch.cuda.current_stream(self._device)
            current.wait_event(sent.ready)
            for tensor in sent.tensors.values():
                tensor.record_stream(current)  # its memory is given to no other batch before this stream is through
        return sent.tensors

    def end_batch(self) -> None:
        """Says that all of a batch's computation has been asked for."""
        if self._stream is not None:
            self._computed.append(_record(torch.cuda.current_stream(self._device)))

    def end_step(self) -> torch.cuda.Event | None:
        """When the device is through with all that was asked of it so far, for `add_gap`."""
        return _record(torch.cuda.current_stream(self._device)) if self._stream is not None else None

    def add_gap(self, idle: torch.cuda.Event | None, sent: Sent) -> None:
        """Notes that nothing was to be computed from `idle` on until something sent was there."""
        if idle is not None and sent.ready is not None:
            self._gaps.append((idle, sent.ready))

    def idle_s(self) -> float:
        """Seconds that the device stood still in gaps that have ended since the last call."""
        seconds = 0.0
        while self._gaps and all(event.query() for event in self._gaps[0]):
            idle, ready = self._gaps.popleft()
            seconds += max(0.0, idle.elapsed_time(ready) / 1000)
        return seconds


def _record(stream: torch.cuda.Stream) -> torch.cuda.Event:
    event = torch.cuda.Event(enable_timing=True, blocking=True)
    event.record(stream)
    return event
