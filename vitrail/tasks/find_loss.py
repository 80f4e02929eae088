"""Finds losses by name: the modules of `vitrail.tasks.losses`."""

import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING

from vitrail.errors import ConfigError
from vitrail.tasks import losses

if TYPE_CHECKING:  # torch is loaded by those who compute a loss, not by those who only know its name
    from vitrail.tasks.loss import Loss

__all__ = ["find_loss", "loss_names"]


def loss_names() -> tuple[str, ...]:
    """Every loss there is, in alphabetical order."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(losses.__path__)))


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
