"""Which terms of a language are forms of one term: plural, spelling, accents."""

import unicodedata
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from vitrail.labels.text.normalise import join_term

__all__ = ["find_canonical"]

_SPELLINGS = (("our", "or"), ("tre", "ter"), ("grey", "gray"), ("ise", "ize"), ("yse", "yze"), ("ogue", "og"))
_LONG_PLURALS = ("ses", "xes", "zes", "ches", "shes", "oes")


def find_canonical(terms: Sequence[tuple[str, ...]], counts: np.ndarray, reasons: Sequence[str | None]) -> np.ndarray:
    """Index of the term each accepted term is counted as: its most frequent form.

    Args:
        terms: C phrases of one language: English "tour" is no form of German "tor".
        counts: int64 [C] images.
        reasons: None for accepted terms.
    """
    canonical = np.arange(len(terms))
    accepted = [index for index, reason in enumerate(reasons) if reason is None]
    texts = [join_term(list(terms[index])) for index in accepted]
    known = set(texts)
    groups: dict[str, list[int]] = {}
    for text, index in zip(texts, accepted, strict=True):
        groups.setdefault(_variant_key(text, known), []).append(index)
    for members in groups.values():
        canonical[members] = min(members, key=lambda index: (-counts[index], terms[index]))
    return canonical


def _variant_key(text: str, known: Collection[str]) -> str:
    """The same for all forms of a term; a form is followed only to another that is a term too."""
    for forms in (_singulars, _americans):
        text = next((form for form in forms(text) if form in known), text)
    plain = _without_accents(text)
    return (plain if plain in known else text).replace(" ", "")


def _singulars(text: str) -> Iterator[str]:
    """Without the plural ending, the likeliest first: "planes" is of "plane", not of "plan"."""
    if text.endswith("s") and len(text) > 3:
        yield text[:-1]
    if text.endswith("ies") and len(text) > 4:
        yield text[:-3] + "y"
    if text.endswith(_LONG_PLURALS) and len(text) > 4:
        yield text[:-2]


def _americans(text: str) -> Iterator[str]:
    """In American spelling: "colour" and "color", "theatre" and "theater", "grey" and "gray"."""
    return (text.replace(british, american) for british, american in _SPELLINGS if british in text)


def _without_accents(text: str) -> str:
    """Of "café", "cafe"."""
    if text.isascii():
        return text
    return "".join(letter for letter in unicodedata.normalize("NFD", text) if not unicodedata.combining(letter))
