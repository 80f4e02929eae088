"""Batches of images prepared ahead in worker processes, in order, with errors as they were raised.

Pixels cross over in shared memory that lives as long as the loader: DataLoader's own way opens, sends, maps
and unmaps a file for every tensor of every batch, a notable part of the time for batches of small pictures.
"""

import mmap
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, get_worker_info

from vitrail.errors import TrainingError, VitrailError

__all__ = ["load_ahead"]

T = TypeVar("T")


class _Prepared(NamedTuple, Generic[T]):
    """A batch as a worker sends it: where its images lie, and the rest of it or why there is none."""

    slot: tuple[int, int]
    notes: T | VitrailError


class _Batches(Dataset[_Prepared[T]], Generic[T]):
    """A map-style data set of whole batches.

    Each worker writes its batches to its slots of `canvases` in turn. At most `batches_ahead` of them wait
    while one more is copied out, so with one slot more than that none is overwritten too early. Errors that
    are expected come back as values: DataLoader would wrap them in the traceback of the worker.
    """

    def __init__(self, make: Callable[[Any, np.ndarray], T], canvases: np.ndarray) -> None:
        self._make = make
        self._canvases = canvases
        self._num_made = 0

    def __getitem__(self, item: Any) -> _Prepared[T]:
        worker = get_worker_info()
        slot = (worker.id if worker else 0, self._num_made % self._canvases.shape[1])
        self._num_made += 1
        try:
            return _Prepared(slot, self._make(item, self._canvases[slot]))
        except VitrailError as error:
            return _Prepared(slot, error)


def load_ahead(
    make: Callable[[Any, np.ndarray], T],
    items: Iterable[Any],
    *,
    shape: tuple[int, int, int, int],
    num_workers: int,
    batches_ahead: int,
    pin_memory: bool = False,
) -> Iterator[tuple[Tensor, T]]:
    """Yields images and notes of the batch of each item, in order.

    Args:
        make: `make(item, canvas)` fills the canvas and returns the notes; called in the worker processes, or
            here without any.
        items: May be endless.
        shape: Of a canvas, and of the images: [B, 3, S, S] of uint8.
        num_workers: Processes; each prepares every `num_workers`-th batch.
        batches_ahead: Batches each process may prepare in advance; it holds memory for one more.
        pin_memory: Give images in memory that a CUDA device reads by itself; the copy that is made anyway goes there.

    Raises:
        TrainingError: A worker process died.
        VitrailError: What `make` raised.
    """
    canvases = _shared_array((max(num_workers, 1), batches_ahead + 1 if num_workers else 1, *shape))
    loader = DataLoader(
        _Batches(make, canvases),
        batch_size=None,
        sampler=items,
        num_workers=num_workers,
        prefetch_factor=batches_ahead if num_workers else None,
        multiprocessing_context="fork" if num_workers else None,  # canvases and open corpora are inherited
        collate_fn=_unchanged,
    )
    for slot, notes in _name_crashes(iter(loader)):
        if isinstance(notes, VitrailError):
            raise notes
        images = torch.from_numpy(canvases[slot])
        yield torch.empty_like(images, pin_memory=pin_memory).copy_(images), notes


def _shared_array(shape: tuple[int, ...]) -> np.ndarray:
    """Zeros that this process and its children share; not limited by the size of /dev/shm."""
    return np.frombuffer(mmap.mmap(-1, int(np.prod(shape))), dtype=np.uint8).reshape(shape)


def _name_crashes(batches: Iterator[T]) -> Iterator[T]:
    try:
        yield from batches
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise TrainingError(
            f"a decoding process died ({error}); the machine may be out of memory: use fewer workers or "
            "batches_ahead. The run goes on from its last checkpoint"
        ) from error


def _unchanged(batch: T) -> T:
    return batch
