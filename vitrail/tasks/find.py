"""Finds kinds and losses by name: the modules of `vitrail.tasks.kinds` and `vitrail.tasks.losses`."""

import functools
import pkgutil
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from vitrail.contracts.corpus import TaskInfo
from vitrail.errors import ConfigError
from vitrail.tasks import kinds, losses
from vitrail.tasks.kind import TaskKind

if TYPE_CHECKING:  # torch is loaded by those who compute a loss, not by those who only know its name
    from vitrail.tasks.loss import Loss

__all__ = ["find_kind", "find_loss", "find_problem", "kind_names", "loss_names"]


def kind_names() -> tuple[str, ...]:
    """Every task kind there is, in alphabetical order."""
    return _modules(kinds.__path__)


@functools.cache
def find_kind(name: str) -> TaskKind:
    """The task kind of that name.

    Raises:
        ConfigError: There is none.
    """
    if name not in kind_names():
        raise ConfigError(f"{name!r} is no task kind; there are {', '.join(kind_names())}")
    kind: TaskKind = import_module(f"{kinds.__name__}.{name}").KIND
    return kind


def find_problem(task: TaskInfo) -> str | None:
    """What is wrong with a task, its kind included, or None."""
    try:
        return find_kind(task.kind).find_problem(task)
    except ConfigError as error:
        return str(error)


def loss_names() -> tuple[str, ...]:
    """Every loss there is, in alphabetical order."""
    return _modules(losses.__path__)


def find_loss(name: str, kind: str) -> "Loss":
    """The loss of that name, for tasks of that kind.

    Raises:
        ConfigError: There is none, or it is made for other kinds.
    """
    if name not in loss_names():
        raise ConfigError(f"{name!r} is no loss; there are {', '.join(loss_names())}")
    loss: Loss = import_module(f"{losses.__name__}.{name}").LOSS
    if kind not in loss.kinds:
        raise ConfigError(f"the loss {name!r} is made for {', '.join(loss.kinds)} and not for {kind}; name another")
    return loss


def _modules(path: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(module.name for module in pkgutil.iter_modules(path)))
