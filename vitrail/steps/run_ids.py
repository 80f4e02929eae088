"""Ids of runs: generated, never typed. A run's folder is named by its id, so an id is never anything but a name."""

import datetime
import re
import secrets
from pathlib import Path

from vitrail.contracts.runs import RECIPE_FILE
from vitrail.errors import ConfigError

__all__ = ["is_run_id", "last_run_by_hand", "new_run_id", "require_run_id"]

# With a digit, so that no run takes the place of what else lies in a workspace: `store`, `versions`, `latest`.
_RUN_ID = re.compile(r"(?=.*[0-9])[a-z0-9][a-z0-9-]{0,62}")
_BY_HAND = "by-hand"


def new_run_id(*, is_by_hand: bool = False) -> str:
    """An id that no other run has; ids of one kind are in the order of their time (UTC)."""
    now = datetime.datetime.now(datetime.UTC)
    return f"{_BY_HAND if is_by_hand else 'run'}-{now:%Y%m%d-%H%M%S-%f}-{secrets.token_hex(4)}"


def last_run_by_hand(workspace: Path) -> str:
    """The id of the run by hand that was begun last.

    Raises:
        ConfigError: There is none.
    """
    runs = [path.parent.name for path in workspace.glob(f"{_BY_HAND}-*/{RECIPE_FILE}")]
    if not runs:
        raise ConfigError(f"{workspace} has no run by hand yet: begin one with `vitrail step checkout_corpus`")
    return max(runs)


def is_run_id(name: str) -> bool:
    """Whether a folder of that name can be a run: one that `new_run_id` named, or Kubeflow (a UUID)."""
    return bool(_RUN_ID.fullmatch(name))


def require_run_id(run_id: str) -> None:
    """Refuses what is not the id of a run.

    Raises:
        ConfigError: It holds anything but lower-case letters, digits and hyphens.
    """
    if not is_run_id(run_id):
        raise ConfigError(f"run={run_id!r:.120} is no run id: ids are generated and printed; see the folders in runs/")
