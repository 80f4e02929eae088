"""What the columns of a user's metadata mean: texts, labels, split, group, domain, time.

| column | becomes |
|---|---|
| `file_name` | the image (image folders only) |
| `label`, `class`, `category`, `cls`, `label_<task>`, `<task>_label` | tasks `<task>` and `<task>_match` |
| `group`, `split`, `domain` | the same columns of the splits table |
| `observed_at`, `language`, `weight` | the time, language and weight of the row's texts |
| a column that `tasks.json` declares | the declared task |
| a column of a kind of text (`vitrail.contracts.text_sources`) | a text of that kind; several where the kind is lists |
| any other column with strings | a text with the column's name as source |
"""

import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from vitrail.contracts.text_sources import source_of_column
from vitrail.corpus.build.metadata.label_values import NOTHING_WORDS, is_nothing, plain_value
from vitrail.corpus.build.metadata.plain_text import require_plain
from vitrail.corpus.build.metadata.refusals import Refusals
from vitrail.corpus.build.metadata.role_values import ROLES, role_value
from vitrail.corpus.build.metadata.task_columns import TaskColumns
from vitrail.corpus.build.metadata.task_declarations import TaskDeclarations
from vitrail.errors import CorpusError

__all__ = ["UNKNOWN_TIME", "Item", "MetadataReader", "Place"]

DEFAULT_WEIGHT = 1.0
UNKNOWN_TIME = datetime(2000, 1, 1, tzinfo=UTC)  # of texts and labels that come without a time

_LOGGER = logging.getLogger(__name__)
_LONGEST_NOTHING = 16  # characters of a word for no value, with blanks around it; spares a look at every long text
# Written by img2dataset beside the caption: facts about the download, not about the picture.
_TECHNICAL = {
    "", "__key__", "error_message", "exif", "file_name", "height", "key", "md5", "original_height",
    "original_width", "sha256", "status", "width",
}  # fmt: skip


@dataclass(kw_only=True)
class Item:
    """What the metadata say about one image."""

    texts: list[tuple[str, str]] = field(default_factory=list)  # (source, text)
    labels: dict[str, str] = field(default_factory=dict)  # by task
    declared: dict[str, tuple[str, ...]] = field(default_factory=dict)  # labels of declared tasks
    group: str | None = None
    split: str | None = None
    domain: str | None = None
    language: str | None = None
    weight: float = DEFAULT_WEIGHT
    observed_at: datetime = UNKNOWN_TIME

    def joined(self, other: "Item") -> "Item":
        """What both say; where they differ, what this one says."""
        return Item(
            texts=list(dict.fromkeys([*self.texts, *other.texts])),
            labels={**other.labels, **self.labels},
            declared={**other.declared, **self.declared},
            group=self.group or other.group,
            split=self.split or other.split,
            domain=self.domain or other.domain,
            language=self.language or other.language,
            weight=self.weight if self.weight != DEFAULT_WEIGHT else other.weight,
            observed_at=self.observed_at if self.observed_at != UNKNOWN_TIME else other.observed_at,
        )


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands: the file in the source, the image it is about, and both with the line for messages."""

    file: str
    name: str
    where: str


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What a column is, and its task, role or source; whether its texts are lists."""

    kind: Literal["label", "declared", "role", "text", "ignored"]
    name: str
    is_list: bool = False


class MetadataReader:
    """Reads the records of one corpus by the names of their columns (see the table on top of this module)."""

    def __init__(self, refusals: Refusals, declared: TaskDeclarations) -> None:
        self._refusals = refusals
        self._declared = declared
        self._tasks = TaskColumns(declared.names)
        self._meanings: dict[str, _Meaning] = {}
        self._nothing: Counter[tuple[str, str]] = Counter()  # (column, word)

    def read(self, record: Mapping[str, Any], place: Place) -> Item | None:
        """One record; None when a value of it cannot be understood, which goes to the refusals.

        Raises:
            CorpusError: A column cannot be one (see `TaskColumns`), or two columns have one meaning.
        """
        meanings = self._meanings_of(record, place.where)
        item = Item()
        for column, value in record.items():
            meaning = meanings[column]
            if meaning.kind == "ignored" or self._is_missing(column, value):
                continue
            try:
                self._fill(item, meaning, column, value, place)
            except ValueError as error:
                self._refusals.add_row(place.file, place.name, f"{place.where}, column {column!r}: {error}")
                return None
        item.texts = list(dict.fromkeys(item.texts))
        return item

    def require_declared(self) -> None:
        """Refuses declared tasks that no column was there for.

        Raises:
            CorpusError: As of `TaskDeclarations.require_columns`.
        """
        found = {meaning.name for meaning in self._meanings.values() if meaning.kind == "declared"}
        self._declared.require_columns(found, list(self._meanings))

    def log(self) -> None:
        """Says which words were taken for "no value", and how often."""
        for (column, word), count in sorted(self._nothing.items()):
            _LOGGER.warning("column %r: %r is taken for no value (%d times)", column, word, count)

    def _fill(self, item: Item, meaning: _Meaning, column: str, value: Any, place: Place) -> None:
        if meaning.kind == "label":
            item.labels[meaning.name] = plain_value(value)
        elif meaning.kind == "declared":
            item.declared[meaning.name] = self._declared.labels_of(meaning.name, value)
        elif meaning.kind == "text":
            item.texts += self._texts(meaning, value, column, place)
        elif meaning.name == "language":
            item.language = self._language(value, column, place)
        elif (understood := role_value(meaning.name, value)) is not None:
            setattr(item, meaning.name, understood)

    def _meanings_of(self, record: Mapping[str, Any], where: str) -> dict[str, _Meaning]:
        found: dict[str, _Meaning] = {}
        column_of: dict[_Meaning, str] = {}
        for column in record:
            meaning = self._meanings.get(column) or self._meanings.setdefault(column, self._meaning_of(column, where))
            found[column] = meaning
            if meaning.kind in {"label", "declared", "role"} and column_of.setdefault(meaning, column) != column:
                both = f"{column_of[meaning]!r} and {column!r}"
                raise CorpusError(f"{where}: columns {both} are one {meaning.kind} ({meaning.name!r}); keep one")
        return found

    def _meaning_of(self, column: str, where: str) -> _Meaning:
        name = column.strip().lower()
        if name in _TECHNICAL:
            return _Meaning("ignored", name)
        task = self._tasks.claim(column.strip(), where)
        if task is not None:
            return _Meaning("declared" if task in self._declared.names else "label", task)
        if name in ROLES:
            return _Meaning("role", name)
        kind = source_of_column(name)
        return _Meaning("text", kind.name, kind.is_list) if kind else _Meaning("text", name)

    def _is_missing(self, column: str, value: Any) -> bool:
        if is_nothing(value):
            return True
        if not isinstance(value, str) or len(value) > _LONGEST_NOTHING:
            return False
        word = value.strip().lower()
        if word in NOTHING_WORDS:
            self._nothing[column, word] += 1
        return word in NOTHING_WORDS

    def _texts(self, meaning: _Meaning, value: Any, column: str, place: Place) -> Iterator[tuple[str, str]]:
        source = meaning.name
        for text in _strings(value, is_list=meaning.is_list):
            try:
                require_plain(source)
                require_plain(text)
            except ValueError as error:
                self._leave_out(column, error, place)
            else:
                yield source, text

    def _language(self, value: Any, column: str, place: Place) -> str | None:
        try:
            language: str = role_value("language", value)
        except ValueError as error:
            self._leave_out(column, error, place)
            return None
        return language

    def _leave_out(self, column: str, error: ValueError, place: Place) -> None:
        self._refusals.add_value(place.file, place.name, f"{place.where}, column {column!r}: {error}")


def _strings(value: Any, *, is_list: bool) -> Iterator[str]:
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _strings(item, is_list=is_list)
    elif isinstance(value, str):
        parts = re.split(r"[,;]", value) if is_list else [value]
        yield from (part.strip() for part in parts if part.strip())
