"""Which engine runs the batch functions: Daft's own, or Ray."""

import contextlib
import ctypes
from collections.abc import Iterator

import daft
import pyarrow as pa
from daft.exceptions import DaftCoreException

from vitrail.errors import LabelError
from vitrail.labels.config import Engine

__all__ = ["outside_reason", "prepare_worker", "running_on"]

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
