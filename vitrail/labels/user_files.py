"""Dictionary files: what a user says about phrases, one entry a line."""

from collections.abc import Sequence
from pathlib import Path

from vitrail.errors import LabelError
from vitrail.labels.dictionary import Lists
from vitrail.labels.normalise import normalise_terms

__all__ = ["read_user_files"]


def read_user_files(files: Sequence[str]) -> Lists:
    """Entries of dictionary files: `phrase`, `variant = phrase` or `- phrase`.

    Raises:
        LabelError: A file cannot be read or has no phrase, or a line is neither of these.
    """
    terms: list[tuple[str, ...]] = []
    rejected: list[tuple[str, ...]] = []
    variants: dict[tuple[str, ...], tuple[str, ...]] = {}
    for name in files:
        before = len(terms) + len(rejected) + len(variants)
        for number, line in enumerate(_lines(name), start=1):
            if line.lstrip().startswith("-"):
                rejected += normalise_terms([line])
            elif "=" in line:
                pair = normalise_terms(line.split("="))
                if len(pair) != 2:
                    raise LabelError(f"dictionary file {name}, line {number}: {line!r} is not `variant = phrase`")
                variants[pair[0]] = pair[1]
            else:
                terms += normalise_terms([line])
        if len(terms) + len(rejected) + len(variants) == before:
            raise LabelError(f"dictionary file {name} has no phrase; write one a line or leave the file out")
    _refuse_both({*terms, *variants, *variants.values()}, rejected)
    return Lists(terms=tuple(dict.fromkeys(terms)), rejected=frozenset(rejected), variants=variants)


def _lines(name: str) -> list[str]:
    try:
        return Path(name).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LabelError(f"dictionary file {name} cannot be read as UTF-8 text: {error}") from error


def _refuse_both(wanted: set[tuple[str, ...]], rejected: Sequence[tuple[str, ...]]) -> None:
    for term in rejected:
        if term in wanted:
            raise LabelError(f"dictionary files have {' '.join(term)!r} both as a term and as none; keep one line")
