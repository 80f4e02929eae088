"""The canonical map: which terms are forms of one term - plural, spelling, accents, or as the user says."""

import unicodedata
from collections.abc import Mapping, Sequence

import numpy as np

from vitrail.labels.normalise import join_term

__all__ = ["find_canonical"]

_SPELLINGS = (("our", "or"), ("tre", "ter"), ("grey", "gray"), ("ise", "ize"), ("yse", "yze"), ("ogue", "og"))


def find_canonical(
    terms: Sequence[tuple[str, ...]],
    counts: np.ndarray,
    reasons: Sequence[str | None],
    variants: Mapping[tuple[str, ...], tuple[str, ...]],
) -> np.ndarray:
    """Index of the term each accepted term is counted as: its most frequent form, or the one the user names.

    Args:
        terms: C phrases.
        counts: int64 [C] images.
        reasons: None for accepted terms.
        variants: The user's, variant to term.
    """
    canonical = np.arange(len(terms))
    accepted = [index for index, reason in enumerate(reasons) if reason is None]
    by_text = {join_term(list(terms[index])): index for index in accepted}
    groups: dict[str, list[int]] = {}
    for index in accepted:
        groups.setdefault(_variant_key(join_term(list(terms[index])), by_text), []).append(index)
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
    """The same for all forms of a term; a form is followed only to another that is a term too."""
    for step in (_singular, _american, _plain):
        text = step(text, known) or text
    return text.replace(" ", "")


def _singular(text: str, known: Mapping[str, int]) -> str | None:
    """Without the plural ending (English and Romance)."""
    for ending, replacement in (("ies", "y"), ("es", ""), ("s", "")):
        stem = text[: -len(ending)] + replacement
        if text.endswith(ending) and len(stem) >= 3 and stem in known:
            return stem
    return None


def _american(text: str, known: Mapping[str, int]) -> str | None:
    """In American spelling: "colour" and "color", "theatre" and "theater", "grey" and "gray"."""
    for british, american in _SPELLINGS:
        other = text.replace(british, american)
        if other != text and other in known:
            return other
    return None


def _plain(text: str, known: Mapping[str, int]) -> str | None:
    """Without accents: "café" and "cafe"."""
    if text.isascii():
        return None
    other = "".join(letter for letter in unicodedata.normalize("NFD", text) if not unicodedata.combining(letter))
    return other if other in known else None
