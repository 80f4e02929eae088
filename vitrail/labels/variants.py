"""The canonical map: which terms are forms of one term - plural, spelling, accents, or as the user says."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from vitrail.labels.normalise import join_term

__all__ = ["find_canonical"]

_SPELLINGS = (("our", "or"), ("tre", "ter"), ("grey", "gray"), ("ise", "ize"), ("yse", "yze"), ("ogue", "og"))
_LONG_PLURALS = ("ses", "xes", "zes", "ches", "shes", "oes")


def find_canonical(
    terms: Sequence[tuple[str, ...]],
    counts: np.ndarray,
    language: np.ndarray,
    reasons: Sequence[str | None],
    variants: Mapping[tuple[str, ...], tuple[str, ...]],
) -> np.ndarray:
    """Index of the term each accepted term is counted as: its most frequent form, or the one the user names.

    Args:
        terms: C phrases.
        counts: int64 [C] images.
        language: int64 [C] codes, -1 for any.
        reasons: None for accepted terms.
        variants: The user's, variant to term.
    """
    canonical = np.arange(len(terms))
    accepted = [index for index, reason in enumerate(reasons) if reason is None]
    known = {join_term(list(terms[index])): int(language[index]) for index in accepted}
    groups: dict[str, list[int]] = {}
    for text, index in zip(known, accepted, strict=True):
        groups.setdefault(_variant_key(text, known), []).append(index)
    for members in groups.values():
        canonical[members] = min(members, key=lambda index: (-counts[index], terms[index]))
    return _follow_user(canonical, terms, variants)


def _follow_user(
    canonical: np.ndarray, terms: Sequence[tuple[str, ...]], variants: Mapping[tuple[str, ...], tuple[str, ...]]
) -> np.ndarray:
    place = {term: index for index, term in enumerate(terms)} if variants else {}
    for variant, term in variants.items():
        canonical[canonical == canonical[place[term]]] = place[term]
        canonical[place[variant]] = place[term]
    return canonical


def _variant_key(text: str, known: Mapping[str, int]) -> str:
    """The same for all forms of a term; a form is followed only to another that is a term too.

    Plurals and spellings are those of one language: English "tour" is no form of German "tor".
    """
    for forms in (_singulars, _americans):
        same = (form for form in forms(text) if form in known and _may_be_one(known[form], known.get(text, -1)))
        text = next(same, text)
    plain = _without_accents(text)
    return (plain if plain in known else text).replace(" ", "")


def _may_be_one(language: int, other: int) -> bool:
    return language == other or -1 in (language, other)


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
