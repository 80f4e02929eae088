"""Which columns are labels, and the task that each makes: one column a task, under a plain name."""

from collections.abc import Collection

from vitrail.contracts.names import require_task_name
from vitrail.errors import ConfigError, CorpusError

__all__ = ["TaskColumns", "match_task"]

_LABELS = frozenset({"label", "class", "category", "cls"})


def match_task(task: str) -> str:
    """The name of the retrieval task beside a classification task."""
    return f"{task}_match"


class TaskColumns:
    """The label columns met so far; a column makes the tasks `<task>` and `<task>_match`, or the one it is declared."""

    def __init__(self, declared: Collection[str]) -> None:
        self._declared = declared
        self._column_of: dict[str, str] = {}  # by task

    def claim(self, column: str, where: str) -> str | None:
        """The task that a column makes, or None when it is no label column. Upper and lower case are one.

        Raises:
            CorpusError: The task's name is not plain or is reserved, or another column makes that task.
        """
        task = column.lower() if column.lower() in self._declared else _task_of(column.lower())
        if task is None:
            return None
        for name in (task,) if task in self._declared else (task, match_task(task)):
            _require_usable(name, column, where)
            other = self._column_of.setdefault(name, column)
            if other.lower() != column.lower():
                raise CorpusError(f"{where}: columns {other!r} and {column!r} both make the task {name!r}; rename one")
        return task


def _task_of(name: str) -> str | None:
    if name in _LABELS:
        return name
    if name == "label_" or not (name.startswith("label_") or name.endswith("_label")):
        return None
    return name.removeprefix("label_").removesuffix("_label")


def _require_usable(task: str, column: str, where: str) -> None:
    try:
        require_task_name(task)
    except ConfigError as error:
        raise CorpusError(f"{where}, column {column!r}: {error}; rename the column") from error
