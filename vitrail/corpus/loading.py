"""Batches prepared ahead in worker processes, in order, with errors that arrive as they were raised."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from torch.utils.data import DataLoader, Dataset

from vitrail.errors import TrainingError, VitrailError

__all__ = ["load_ahead"]

T = TypeVar("T")


class _Batches(Dataset[T | VitrailError], Generic[T]):
    """A map-style data set of whole batches.

    Errors that are expected come back as values: DataLoader would wrap them in the traceback of the worker.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make

    def __getitem__(self, item: Any) -> T | VitrailError:
        try:
            return self._make(item)
        except VitrailError as error:
            return error


def load_ahead(
    make: Callable[[Any], T], items: Iterable[Any], *, num_workers: int, batches_ahead: int
) -> Iterator[T]:
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
    loader = DataLoader(
        _Batches(make),
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


def _unchanged(batch: T) -> T:
    return batch
