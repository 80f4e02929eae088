"""Which engine runs the batch functions: Daft's own, or Ray."""

import contextlib
import ctypes
from collections.abc import Iterator
from pathlib import Path

import daft
import pyarrow as pa
from daft.exceptions import DaftCoreException

from vitrail.errors import LabelError
from vitrail.labels.config import Engine

__all__ = ["explaining_failures", "outside_reason", "prepare_worker", "running_on", "shard_numbers"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt(3)
_KEPT_BYTES, _LARGEST_BYTES = 1 << 30, 32 << 20


@contextlib.contextmanager
def running_on(engine: Engine) -> Iterator[None]:
    """Daft queries of the block run on this engine.

    Ray: joins the cluster of RAY_ADDRESS or one that is already initialised, else starts one on this machine.

    Raises:
        LabelError: Daft is already bound to the other engine in this process.
    """
    current = daft.get_or_infer_runner_type()
    if current != engine:
        try:
            daft.set_runner_ray(noop_if_initialized=True) if engine == "ray" else daft.set_runner_native()
        except Exception as error:
            raise LabelError(
                f"engine={engine!r}: Daft already runs on {current!r} in this process ({error})"
            ) from error
    with daft.execution_config_ctx(scantask_max_parallel=0):  # as many files at once as cores: more fill memory
        yield


def shard_numbers(num_shards: int, engine: Engine) -> daft.DataFrame:
    """A column `number` with the numbers of the shards; on Ray a partition each, so that all workers have some."""
    numbers = daft.from_pydict({"number": list(range(num_shards))})
    return numbers.into_partitions(num_shards) if engine == "ray" else numbers


@contextlib.contextmanager
def explaining_failures(corpus: Path, work: Path) -> Iterator[None]:
    """What the engine or a worker raises in the block becomes a LabelError with the way out.

    Args:
        corpus: Corpus folder.
        work: Work folder.
    """
    try:
        yield
    except Exception as error:
        words = outside_reason(error)
        if words is None:
            raise
        if "DaftError::CorruptFile" in words:
            raise LabelError(
                f"a signal file of {corpus} cannot be read: {words}; texts must be UTF-8, build the corpus again"
            ) from error
        raise LabelError(
            f"the labels of {corpus} are not finished: {words}; when its cause is gone run again, "
            f"which goes on from the finished shards in {work}"
        ) from error


def prepare_worker() -> None:
    """Fits the process to batch functions: Arrow uses one thread, since the engine runs a function for each core.

    glibc hands large freed arrays back to the system and gets them again page by page, a tenth of the time of
    scoring; it is told to keep them. The C libraries of other systems are left alone.
    """
    pa.set_cpu_count(1)
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(_MMAP_THRESHOLD, _LARGEST_BYTES)
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)


def outside_reason(error: BaseException) -> str | None:
    """The engine's words for what went wrong outside this code (bad files, a full disk, no memory, lost workers).

    None for any other error, which must not be hidden.
    """
    while isinstance(cause := getattr(error, "cause", None), BaseException):  # Ray wraps what a worker raises
        error = cause
    is_outside = isinstance(error, DaftCoreException | OSError | MemoryError)
    if is_outside or type(error).__module__ == "ray.exceptions":
        return str(error).strip() or type(error).__name__
    return None
