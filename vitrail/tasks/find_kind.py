"""Finds task kinds by name: the modules of `vitrail.tasks.kinds`."""

import functools
import pkgutil
from importlib import import_module

from vitrail.contracts.corpus import TaskInfo
from vitrail.errors import ConfigError
from vitrail.tasks import kinds
from vitrail.tasks.kind import TaskKind

__all__ = ["find_kind", "find_problem", "kind_names"]


def kind_names() -> tuple[str, ...]:
    """Every task kind there is, in alphabetical order."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(kinds.__path__)))


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
