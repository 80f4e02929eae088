"""A contract as a line of a task's log, for those who can read a run's logs and not its workspace."""

import json
from typing import TypeVar

from vitrail.contracts.codec import decode, encode
from vitrail.contracts.contract import Contract
from vitrail.errors import VitrailError

__all__ = ["announce", "find_announcement"]

C = TypeVar("C", bound=Contract)


def announce(value: Contract) -> str:
    """The line, without its end."""
    return _mark(type(value)) + json.dumps(encode(value))


def find_announcement(kind: type[C], log: str) -> C | None:
    """The last one of its kind in a log; None where there is none that this version reads."""
    mark = _mark(kind)
    said = [line.partition(mark)[2] for line in log.splitlines() if mark in line]
    if not said:
        return None
    try:
        return decode(kind, json.loads(said[-1]), "a line of a log")
    except (ValueError, VitrailError):
        return None


def _mark(kind: type[Contract]) -> str:
    return f"announced {kind.FILE} "
