"""The kinds of text that surround images, each declared once: a new kind is an entry of TEXT_SOURCES.

A signal's `source` may be any name. What a kind has beyond that: columns of metadata become it, its texts may be lists,
it is trusted more or less, a trained scorer learns what it is worth, and reports show some kinds before others.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = [
    "TEXT_SOURCES",
    "TextSource",
    "query_names",
    "report_ranks",
    "source_names",
    "source_of_column",
    "source_trust",
]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True, kw_only=True)
class TextSource:
    """One kind of text.

    Attributes:
        name: As in the column `source` of the signals.
        columns: Columns of a user's metadata that hold it, beside one of its own name; in lower case.
        is_list: A text of it is several, separated by comma or semicolon.
        is_query: People typed it to find the image.
        report_rank: Place in a report among the texts of an image, 0 for what says best what it shows; None: after
            those that have one.
        trust: How far it is believed, 0 to 1, where a recipe (`labels.source_weights`) says nothing else.
    """

    name: str
    columns: tuple[str, ...] = ()
    is_list: bool = False
    is_query: bool = False
    report_rank: int | None = None
    trust: float = 1.0

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"text source {self.name!r}: a name is a lower-case letter, then letters, digits and '_'")
        if not 0 <= self.trust <= 1:
            raise ValueError(f"text source {self.name!r}: trust={self.trust}; use a value from 0 to 1")


TEXT_SOURCES = (
    TextSource(name="title", report_rank=0),
    TextSource(name="description", report_rank=2),
    TextSource(name="alt_text", columns=("caption", "alt", "txt"), report_rank=1),
    TextSource(name="keyword", columns=("keywords", "tags"), is_list=True),
    TextSource(name="board"),
    TextSource(name="collection", trust=0.0),  # where a picture is from: a set of icons, an uploader
    TextSource(name="query", is_query=True),
    TextSource(name="url"),
)


def source_names() -> tuple[str, ...]:
    """The names of the declared kinds, in their order."""
    return tuple(source.name for source in TEXT_SOURCES)


def query_names() -> tuple[str, ...]:
    """The names of the kinds that people typed to find an image."""
    return tuple(source.name for source in TEXT_SOURCES if source.is_query)


def report_ranks() -> dict[str, int]:
    """Place among the texts of an image in a report, by name, of the kinds that have one."""
    return {source.name: source.report_rank for source in TEXT_SOURCES if source.report_rank is not None}


def source_of_column(column: str) -> TextSource | None:
    """The kind that a column of metadata (in lower case) holds; None when no kind claims it."""
    return next((source for source in TEXT_SOURCES if column in (source.name, *source.columns)), None)


def source_trust(name: str, weights: Mapping[str, float]) -> float:
    """Trust in a source: from `weights`, else as it is declared; 1 for a source that neither knows."""
    declared = {source.name: source.trust for source in TEXT_SOURCES}
    return weights.get(name, declared.get(name, 1.0))
