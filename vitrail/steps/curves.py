"""The curves of a training step in MLflow, whatever becomes of the training."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

from vitrail import registry
from vitrail.errors import RegistryError

__all__ = ["logged_curves"]

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def logged_curves(log: Path, *, step: str, run_id: str, config: registry.RegistryConfig) -> Iterator[None]:
    """Logs the training in this block at its end, or when it fails; one that is stopped has to end at once."""
    try:
        yield
    except Exception:
        _log(log, step, run_id, config, is_complete=False)
        raise
    _log(log, step, run_id, config, is_complete=True)


def _log(log: Path, step: str, run_id: str, config: registry.RegistryConfig, *, is_complete: bool) -> None:
    try:
        registry.log_curves(log, stage=step, run_id=run_id, is_complete=is_complete, config=config)
    except (RegistryError, OSError) as error:
        logger.warning("the curves of %s are not in MLflow: %s", step, error)
