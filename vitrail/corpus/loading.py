"""Batches prepared ahead in worker processes, in order, with errors that arrive as they were raised."""

from collections.abc import Iterable, Iterator
from typing import Generic, Protocol, TypeVar

from torch.utils.data import DataLoader

from vitrail.errors import TrainingError, VitrailError

__all__ = ["load_ahead"]

Batch = TypeVar("Batch")
Item = TypeVar("Item", contravariant=True)


class Maker(Protocol[Item, Batch]):  # type: ignore[misc]
    """Makes the batch for an item (a position, say)."""

    def __call__(self, item: Item) -> Batch:
        """The batch."""


class _Batches(Generic[Item, Batch]):
    """A map-style data set of whole batches. Expected errors are values: a worker would wrap them in a traceback."""

    def __init__(self, make: Maker[Item, Batch]) -> None:
        self._make = make

    def __getitem__(self, item: Item) -> Batch | VitrailError:
        try:
            return self._make(item)
        except VitrailError as error:
            return error


def load_ahead(
    make: Maker[Item, Batch], items: Iterable[Item], *, num_workers: int, batches_ahead: int
) -> Iterator[Batch]:
    """Yields `make(item)` for each item, in order.

    Args:
        make: Called in the worker processes, or here without any.
        items: May be endless.
        num_workers: Processes; each prepares every `num_workers`-th batch.
        batches_ahead: Batches each process may prepare in advance, which bounds the memory.

    Raises:
        TrainingError: A worker process died.
        VitrailError: What `make` raised.
    """
    loader: DataLoader[Batch | VitrailError] = DataLoader(
        _Batches(make),  # type: ignore[arg-type]
        batch_size=None,
        sampler=items,
        num_workers=num_workers,
        prefetch_factor=batches_ahead if num_workers else None,
        collate_fn=_unchanged,
    )
    results = iter(loader)
    while True:
        try:
            result = next(results)
        except StopIteration:
            return
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            raise TrainingError(
                f"a decoding process died ({error}); the machine may be out of memory or of shared memory "
                "(/dev/shm): use fewer workers or batches_ahead. The run goes on from its last checkpoint"
            ) from error
        if isinstance(result, VitrailError):
            raise result
        yield result


def _unchanged(batch: Batch) -> Batch:
    return batch
