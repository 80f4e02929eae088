"""The curves of a training step in MLflow, whatever becomes of the training."""

import contextlib
import logging
from collections.abc import Iterator

from vitrail import registry
from vitrail.contracts.models import METRICS_FILE
from vitrail.errors import RegistryError
from vitrail.steps.context import StepContext

__all__ = ["logged_curves"]

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def logged_curves(context: StepContext) -> Iterator[None]:
    """Logs the training in this block at its end, or when it fails; one that is stopped has to end at once."""
    try:
        yield
    except Exception:
        _log(context, is_complete=False)
        raise
    _log(context, is_complete=True)


def _log(context: StepContext, *, is_complete: bool) -> None:
    try:
        registry.log_curves(
            context.work / METRICS_FILE,
            stage=context.out.name,
            run_id=context.lineage.run_id,
            is_complete=is_complete,
            config=context.recipe.registry,
        )
    except (RegistryError, OSError) as error:
        logger.warning("the curves of %s are not in MLflow: %s", context.out.name, error)
