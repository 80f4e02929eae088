"""`tasks.json` beside a user's metadata: which columns are tasks, and of which kind.

    {"size": {"kind": "ordinal", "classes": ["small", "medium", "large"]},
     "tags": {"kind": "multilabel", "separator": ";"},
     "product": {"kind": "retrieval"}}

A declared column makes exactly the declared task; what is not declared is what it is without the file.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vitrail.config import Config
from vitrail.contracts.codec import decode
from vitrail.contracts.corpus import TaskInfo
from vitrail.contracts.names import require_task_name
from vitrail.corpus.build.metadata.label_values import NOTHING_WORDS, is_nothing, plain_value
from vitrail.corpus.build.metadata.table_rows import parse_object
from vitrail.errors import ConfigError, CorpusError
from vitrail.tasks import find_kind, find_problem

__all__ = ["DECLARATIONS_FILE", "TaskDeclaration", "TaskDeclarations"]

DECLARATIONS_FILE = "tasks.json"
_MIN_CLASS_IMAGES = 2  # of a label that is not declared
_LISTED_COLUMNS = 12


@dataclass(frozen=True, kw_only=True)
class TaskDeclaration(Config):
    """What `tasks.json` says of one task.

    Attributes:
        kind: A task kind.
        classes: In the order of the head; without them the labels on several images, sorted.
        separator: Between the labels of a cell with several; lists need none.
    """

    kind: str
    classes: tuple[str, ...] = ()
    separator: str | None = None


class TaskDeclarations:
    """The declared tasks of a corpus, by name; none without the file."""

    def __init__(self, file: Path, declared: Mapping[str, TaskDeclaration]) -> None:
        """Takes declarations.

        Raises:
            CorpusError: A name or a declaration cannot be.
        """
        self._file = file
        self._declared = dict(declared)
        for name, declaration in declared.items():
            if problem := _problem(name, declaration):
                raise CorpusError(f"{file}, task {name!r}: {problem}; correct {file.name}")

    @classmethod
    def read(cls, source: Path) -> "TaskDeclarations":
        """Reads the file in `source`, when there is one.

        Raises:
            CorpusError: It is not JSON, has an unknown field or kind, or a declaration that cannot be.
        """
        file = source / DECLARATIONS_FILE
        if not file.exists():
            return cls(file, {})
        if not file.is_file():
            raise CorpusError(f"{file} is no file that can be read; put the declarations there, or remove it")
        try:
            tasks = parse_object(file.read_text(encoding="utf-8-sig"))
            declared = {name: decode(TaskDeclaration, task, f"{file}, task {name!r}") for name, task in tasks.items()}
        except ConfigError as error:
            raise CorpusError(f"{error}; correct {file.name}") from error
        except ValueError as error:
            raise CorpusError(f"{file} cannot be read: {error}; give it a JSON object with a field a task") from error
        return cls(file, declared)

    @property
    def names(self) -> Collection[str]:
        """The declared tasks."""
        return self._declared.keys()

    def labels_of(self, task: str, value: Any) -> tuple[str, ...]:
        """The labels that a cell of a task's column gives to its image.

        Raises:
            ValueError: A label is no word and no number, or none of the declared classes; or there are several and the
                kind takes one.
        """
        declaration = self._declared[task]
        if find_kind(declaration.kind).targets == "one":
            labels = [plain_value(value)]
        else:
            parts = [part for part in _split(value, declaration.separator) if not _is_nothing(part)]
            labels = list(dict.fromkeys(plain_value(part) for part in parts))
        unknown = [label for label in labels if declaration.classes and label not in declaration.classes]
        if unknown:
            known = ", ".join(declaration.classes)
            raise ValueError(f"{unknown[0]!r} is no class of task {task!r} in {self._file.name} ({known})")
        return tuple(labels)

    def require_columns(self, tasks: Collection[str], columns: Sequence[str]) -> None:
        """Refuses a declared task that no column is there for.

        Args:
            tasks: Those that a column was found for.
            columns: All columns there are.

        Raises:
            CorpusError: Names the task, and the columns.
        """
        missing = [name for name in self._declared if name not in tasks]
        if missing:
            there = ", ".join(columns[:_LISTED_COLUMNS]) or "none"
            raise CorpusError(
                f"{self._file}: the metadata have no column for task {missing[0]!r} (columns: {there}); name the task "
                "as its column, or remove it"
            )

    def infos(self, counts: Mapping[str, Mapping[str, int]]) -> Iterator[tuple[TaskInfo, tuple[str, ...]]]:
        """The declared tasks in the order of their names, each with the labels that it keeps.

        Args:
            counts: By task, how many images have each label.

        Raises:
            CorpusError: A task has too few labels for its kind.
        """
        for name in sorted(self._declared):
            yield self._info(name, self._declared[name], counts.get(name, {}))

    def _info(
        self, name: str, declaration: TaskDeclaration, counts: Mapping[str, int]
    ) -> tuple[TaskInfo, tuple[str, ...]]:
        kind = find_kind(declaration.kind)
        several = sorted(label for label, count in counts.items() if count >= _MIN_CLASS_IMAGES)
        kept = declaration.classes or tuple(several)
        if not counts.keys() & set(kept) or len(kept) < kind.min_classes:
            raise CorpusError(
                f"{self._file}, task {name!r}: its column has {len(counts)} labels, {len(several)} of them on several "
                "images: too few to learn from; label more images, or remove the task"
            )
        classes = kept if kind.min_classes else ()
        return TaskInfo(name=name, kind=kind.name, description=f"The column {name!r}", classes=classes), kept


def _problem(name: str, declaration: TaskDeclaration) -> str | None:
    try:
        require_task_name(name)
        kind = find_kind(declaration.kind)
    except ConfigError as error:
        return str(error)
    if name != name.lower():
        return f"write {name.lower()!r}: columns are found whatever their case, under names in lower case"
    if declaration.separator is not None and (kind.targets == "one" or not declaration.separator.strip()):
        return f"separator={declaration.separator!r} is for a kind with several labels an image, and is no blank"
    if not declaration.classes and not kind.is_ordered:
        return None  # found in the column, if the kind lists any
    info = TaskInfo(name=name, kind=kind.name, description="", classes=declaration.classes)
    return find_problem(info) or _spelling_problem(declaration.classes)


def _spelling_problem(classes: Sequence[str]) -> str | None:
    for label in classes:
        if _is_nothing(label):
            return f"class {label!r} means no value in a table; give it a name"
        try:
            word = plain_value(label)
        except ValueError as error:
            return f"class {label!r:.80}: {error}"
        if word != label:
            return f"class {label!r:.80} is read as {word!r:.80} in a table; write it so"
    return None


def _split(value: Any, separator: str | None) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return [part for item in value for part in _split(item, separator)]
    return value.split(separator) if separator and isinstance(value, str) else [value]


def _is_nothing(value: Any) -> bool:
    return is_nothing(value) or (isinstance(value, str) and value.strip().lower() in NOTHING_WORDS)
