"""What the columns of a user's metadata mean: texts, labels, split, group, domain, time.

| column | becomes |
|---|---|
| `file_name` | the image (image folders only) |
| `label`, `class`, `category`, `cls`, `label_<task>`, `<task>_label` | tasks `<task>` and `<task>_match` |
| `group`, `split`, `domain` | the same columns of the splits table |
| `observed_at`, `language`, `weight` | the time, language and weight of the row's texts |
| `keywords`, `tags` | one `keyword` text per item (a list, or separated by comma or semicolon) |
| `caption`, `alt` | `alt_text` |
| any other column with strings | a text with the column's name as source |
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from vitrail.contracts.names import require_task_name
from vitrail.errors import ConfigError, CorpusError

__all__ = ["UNKNOWN_TIME", "Item", "interpret"]

UNKNOWN_TIME = datetime(2000, 1, 1, tzinfo=UTC)  # of texts and labels that come without a time

_SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val", "test": "test"}
_SOURCES = {
    "caption": "alt_text",
    "alt": "alt_text",
    "txt": "alt_text",
    "tags": "keyword",
    "keywords": "keyword",
}
_LABELS = {"label", "class", "category", "cls"}
_ROLES = {"group", "split", "domain", "observed_at", "language", "weight"}
# Written by img2dataset beside the caption: facts about the download, not about the picture.
_TECHNICAL = {
    "__key__", "error_message", "exif", "file_name", "height", "key", "md5", "original_height",
    "original_width", "sha256", "status", "width",
}  # fmt: skip


@dataclass(kw_only=True)
class Item:
    """What the metadata say about one image."""

    texts: list[tuple[str, str]] = field(default_factory=list)  # (source, text)
    labels: dict[str, str] = field(default_factory=dict)  # by task
    group: str | None = None
    split: str | None = None
    domain: str | None = None
    language: str | None = None
    weight: float = 1.0
    observed_at: datetime = UNKNOWN_TIME


def interpret(record: Mapping[str, Any], where: str) -> Item:
    """Reads one record by the names of its columns (see the table on top of this module).

    Raises:
        CorpusError: A column names no task that can be, or a split, time or weight cannot be understood; the
            message begins with `where`.
    """
    item = Item()
    for column, value in record.items():
        name = column.lower()
        if name in _TECHNICAL or _is_missing(value):
            continue
        task = _task_of(name, f"{where}, column {column!r}")
        if task is not None:
            item.labels[task] = str(value)
        elif name in _ROLES:
            setattr(item, name, _role(name, value, f"{where}, column {column!r}"))
        else:
            source = _SOURCES.get(name, name)
            item.texts += [(source, text) for text in _texts(source, value)]
    item.texts = list(dict.fromkeys(item.texts))
    return item


def _is_missing(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def _task_of(name: str, where: str) -> str | None:
    if name in _LABELS:
        return name
    if len(name) == len("label_") or not (name.startswith("label_") or name.endswith("_label")):
        return None
    task = name.removeprefix("label_").removesuffix("_label")
    try:
        require_task_name(task)
    except ConfigError as error:
        raise CorpusError(f"{where}: {error}; rename the column") from error
    return task


def _role(name: str, value: Any, where: str) -> Any:
    if name == "split":
        return _split(str(value), where)
    if name == "observed_at":
        return _time(value, where)
    if name == "weight":
        return _weight(value, where)
    return str(value)


def _split(value: str, where: str) -> str:
    if value.lower() not in _SPLITS:
        raise CorpusError(f"{where}: split {value!r} is none of {', '.join(_SPLITS)}")
    return _SPLITS[value.lower()]


def _weight(value: Any, where: str) -> float:
    try:
        weight = float(value)
    except (TypeError, ValueError) as error:
        raise CorpusError(f"{where}: weight {value!r} is not a number") from error
    if not (math.isfinite(weight) and weight >= 0):
        raise CorpusError(f"{where}: weight {value!r} must be finite and not negative")
    return weight


def _time(value: Any, where: str) -> datetime:
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(value, datetime):
        try:
            value = datetime.fromisoformat(str(value))
        except ValueError as error:
            raise CorpusError(f"{where}: time {value!r} is not ISO 8601, such as 2024-05-31") from error
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _texts(source: str, value: Any) -> Iterator[str]:
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(source, item)
    elif isinstance(value, str):
        parts = re.split(r"[,;]", value) if source == "keyword" else [value]
        yield from (part.strip() for part in parts if part.strip())
