"""Dictionary files: what a user says about phrases, one entry a line."""

from collections.abc import Sequence
from pathlib import Path

from vitrail.errors import LabelError
from vitrail.labels.dictionary.word_lists import WordLists
from vitrail.labels.text.normalise import normalise_terms

__all__ = ["read_user_files"]


def read_user_files(files: Sequence[str]) -> WordLists:
    """Entries of dictionary files: `phrase`, `variant = phrase` or `- phrase`.

    Raises:
        LabelError: A file cannot be read or has no phrase, or a line is neither of these.
    """
    terms: list[tuple[str, ...]] = []
    rejected: list[tuple[str, ...]] = []
    variants: dict[tuple[str, ...], tuple[str, ...]] = {}
    for name in files:
        before = len(terms) + len(rejected) + len(variants)
        lines = _lines(name)
        parts = [[line] if _is_rejection(line) else line.split("=") for line in lines]
        found = iter(normalise_terms([part for some in parts for part in some]))
        for number, (line, some) in enumerate(zip(lines, parts, strict=True), start=1):
            first, *others = [next(found) for _ in some]
            if others and not (first and others[0] and len(others) == 1):
                raise LabelError(f"dictionary file {name}, line {number}: {line!r} is not `variant = phrase`")
            if others:
                variants[first] = others[0]
            elif first:
                (rejected if _is_rejection(line) else terms).append(first)
        if len(terms) + len(rejected) + len(variants) == before:
            raise LabelError(f"dictionary file {name} has no phrase; write one a line or leave the file out")
    _refuse_both({*terms, *variants, *variants.values()}, rejected)
    return WordLists(terms=tuple(dict.fromkeys(terms)), rejected=frozenset(rejected), variants=variants)


def _is_rejection(line: str) -> bool:
    return line.lstrip().startswith("-")


def _lines(name: str) -> list[str]:
    try:
        return Path(name).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LabelError(f"dictionary file {name} cannot be read as UTF-8 text: {error}") from error


def _refuse_both(wanted: set[tuple[str, ...]], rejected: Sequence[tuple[str, ...]]) -> None:
    for term in rejected:
        if term in wanted:
            raise LabelError(f"dictionary files have {' '.join(term)!r} both as a term and as none; keep one line")
