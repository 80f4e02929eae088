"""The dictionaries of a corpus, one a language: what is left of its candidate phrases after filtering.

Every candidate is kept with the reason when it is not a term. "Gift" is German for poison and English for a present:
a phrase of two languages is an entry of either, with the counts, the filters and the forms of its own.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vitrail.labels.config import LabelsConfig
from vitrail.labels.dictionary.candidates import Candidates
from vitrail.labels.dictionary.rejections import DENYING, reject_candidates
from vitrail.labels.dictionary.spelling import find_misspellings
from vitrail.labels.dictionary.variants import find_canonical
from vitrail.labels.dictionary.word_lists import WordLists

__all__ = ["ANY_LANGUAGE", "Dictionary", "build_dictionary", "join_dictionaries", "reject_forms"]

ANY_LANGUAGE = -1  # code of what the user lists and no text has


@dataclass(frozen=True, kw_only=True)
class Dictionary:
    """Every candidate; `reason` is None for terms, `canonical` the index of the term it counts as, or may mean."""

    terms: list[tuple[str, ...]]
    language: np.ndarray  # int64 [C] code, ANY_LANGUAGE for what no text has
    num_images: np.ndarray  # int64 [C]
    reason: list[str | None]
    canonical: np.ndarray  # int64 [C]

    @functools.cached_property
    def accepted(self) -> np.ndarray:
        """Indices of accepted terms, variants included."""
        return np.array([index for index, reason in enumerate(self.reason) if reason is None], dtype=np.int64)

    @property
    def denied(self) -> np.ndarray:
        """Indices of phrases that are terms of other languages and, as this one knows them, are none."""
        elsewhere = {self.terms[index] for index in self.accepted}
        found = [
            index for index, reason in enumerate(self.reason) if reason in DENYING and self.terms[index] in elsewhere
        ]
        return np.array(found, dtype=np.int64)


def build_dictionary(candidates: Candidates, language: int, config: LabelsConfig, lists: WordLists) -> Dictionary:
    """Filters the candidates of a language into its dictionary.

    Args:
        candidates: Counted phrases.
        language: Its code.
        config: Limits.
        lists: Words and phrases that are known to be something.
    """
    wanted = set(lists.wanted)
    reasons = reject_candidates(candidates, config, lists)
    slips = {
        index: right
        for index, right in _find_slips(candidates, reasons).items()
        if reasons[right] is None and candidates.terms[index] not in wanted
    }
    for index in slips:
        reasons[index] = "misspelling"
    canonical = find_canonical(candidates.terms, candidates.num_images, reasons)
    for index, right in slips.items():
        canonical[index] = canonical[right]
    return Dictionary(
        terms=candidates.terms,
        language=np.full(len(candidates.terms), language, dtype=np.int64),
        num_images=candidates.num_images,
        reason=reasons,
        canonical=canonical,
    )


def join_dictionaries(dictionaries: Sequence[Dictionary], lists: WordLists) -> Dictionary:
    """All entries of the dictionaries, and those of the user's that are in none of them.

    The user's variants reach over languages: "gato = cat".
    """
    known = {term for dictionary in dictionaries for term in dictionary.terms}
    missing = [term for term in [*lists.wanted, *sorted(lists.rejected)] if term not in known]
    unseen = Dictionary(
        terms=missing,
        language=np.full(len(missing), ANY_LANGUAGE, dtype=np.int64),
        num_images=np.zeros(len(missing), dtype=np.int64),
        reason=["user" if term in lists.rejected else None for term in missing],
        canonical=np.arange(len(missing)),
    )
    parts = [*dictionaries, unseen]
    offsets = np.cumsum([0, *(len(part.terms) for part in parts[:-1])])
    joined = Dictionary(
        terms=[term for part in parts for term in part.terms],
        language=np.concatenate([part.language for part in parts]),
        num_images=np.concatenate([part.num_images for part in parts]),
        reason=[reason for part in parts for reason in part.reason],
        canonical=np.concatenate([part.canonical + offset for part, offset in zip(parts, offsets, strict=True)]),
    )
    _follow_user(joined, lists)
    return joined


def reject_forms(dictionary: Dictionary, reasons: Mapping[tuple[str, ...], str], lists: WordLists) -> Dictionary:
    """The dictionary without terms of these forms, in any language, and without what counts as one of them.

    Args:
        dictionary: Of all languages.
        reasons: By form, keys of REASONS.
        lists: What the user wants stays.
    """
    wanted = set(lists.wanted)
    found = list(dictionary.reason)
    for index in dictionary.accepted:
        right = dictionary.terms[dictionary.canonical[index]]
        if dictionary.terms[index] not in wanted and right not in wanted:
            found[index] = reasons.get(dictionary.terms[index], reasons.get(right))
    return replace(dictionary, reason=found)


def _follow_user(dictionary: Dictionary, lists: WordLists) -> None:
    """Makes what the user names one term, that of the language that says it of most images; variants count as it."""
    places: dict[tuple[str, ...], list[int]] = {}
    groups: dict[int, list[int]] = {}
    canonical = dictionary.canonical
    for index, term in enumerate(dictionary.terms if lists.wanted else []):
        places.setdefault(term, []).append(index)
        groups.setdefault(int(canonical[index]), []).append(index)
    for variant, term in [*((term, term) for term in lists.terms), *lists.variants.items()]:
        right = max(places[term], key=lambda index: (dictionary.num_images[index], -index))
        for index in places[variant]:  # one that counted as something else leaves that alone
            groups[int(canonical[index])].remove(index)
            groups.setdefault(index, []).append(index)
        roots = {*places[variant], *canonical[places[term]].tolist()}
        groups[right] = [index for root in roots for index in groups.pop(root, ())]
        canonical[groups[right]] = right


def _find_slips(candidates: Candidates, reasons: Sequence[str | None]) -> dict[int, int]:
    """Misspelt single words by index, with the index of the word each stands for."""
    terms = candidates.terms
    single = [index for index, reason in enumerate(reasons) if len(terms[index]) == 1 and reason in (None, "rare")]
    found = find_misspellings([terms[index][0] for index in single], candidates.num_contexts[single].tolist())
    return {single[wrong]: single[right] for wrong, right in found.items()}
