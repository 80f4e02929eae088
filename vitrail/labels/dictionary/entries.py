"""The dictionaries of a corpus, one a language: what is left of its candidate phrases after filtering.

Every candidate is kept with the reason when it is not a term. "Gift" is German for poison and English for a present:
a phrase of two languages is an entry of either, with the counts, the filters and the forms of its own.
"""

import functools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from vitrail.labels.config import LabelsConfig
from vitrail.labels.dictionary.candidates import Candidates
from vitrail.labels.dictionary.spelling import find_misspellings
from vitrail.labels.dictionary.variants import find_canonical
from vitrail.labels.text.normalise import is_unspaced

__all__ = ["ANY_LANGUAGE", "Dictionary", "Lists", "build_dictionary", "join_dictionaries"]

ANY_LANGUAGE = -1  # code of what the user lists and no text has
# Reasons that say what a phrase is, and not that too few texts have it.
_DENYING = ("user", "stop_word", "generic", "number", "letter", "boilerplate")
_ALONE_SHARE = 0.5  # a character of an unspaced script is a word when it stands alone in half of its images
_MIN_NPMI = 0.3  # of the halves of a phrase
_FRAGMENT_SHARE = 0.9  # a phrase that is inside the same term in 90% of its contexts is a part of it
_SERIES_IMAGES = 20  # images a context, from which on a phrase of few contexts is the caption of a machine-made series
_SERIES_CONTEXTS = 5
_LEAST_CONTEXTS = 100  # of which a share says something; a language with fewer is held against as many


@dataclass(frozen=True, kw_only=True)
class Lists:
    """What people say about words: of the language, and in the files of the user.

    A user's term passes whatever the filters say; a user's variant counts as the term it is put on.
    """

    stop_words: Collection[str] = ()
    generic_words: Collection[str] = ()
    terms: Sequence[tuple[str, ...]] = ()
    rejected: Collection[tuple[str, ...]] = ()
    variants: Mapping[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)

    @property
    def wanted(self) -> list[tuple[str, ...]]:
        """What the user says is a term, or counts as one."""
        return list(dict.fromkeys([*self.terms, *self.variants, *self.variants.values()]))


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
            index for index, reason in enumerate(self.reason) if reason in _DENYING and self.terms[index] in elsewhere
        ]
        return np.array(found, dtype=np.int64)


def build_dictionary(candidates: Candidates, language: int, config: LabelsConfig, lists: Lists) -> Dictionary:
    """Filters the candidates of a language into its dictionary.

    Args:
        candidates: Counted phrases.
        language: Its code.
        config: Limits.
        lists: Words and phrases that are known to be something.
    """
    wanted = set(lists.wanted)
    reasons = _reject_all(candidates, config, lists, wanted)
    slips = {
        index: right
        for index, right in _misspellings(candidates, reasons).items()
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


def join_dictionaries(dictionaries: Sequence[Dictionary], lists: Lists) -> Dictionary:
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


def _follow_user(dictionary: Dictionary, lists: Lists) -> None:
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


def _misspellings(candidates: Candidates, reasons: Sequence[str | None]) -> dict[int, int]:
    """Misspelt single words by index, with the index of the word each stands for."""
    terms = candidates.terms
    single = [index for index, reason in enumerate(reasons) if len(terms[index]) == 1 and reason in (None, "rare")]
    found = find_misspellings([terms[index][0] for index in single], candidates.num_contexts[single].tolist())
    return {single[wrong]: single[right] for wrong, right in found.items()}


def _reject_all(
    candidates: Candidates, config: LabelsConfig, lists: Lists, wanted: Collection[tuple[str, ...]]
) -> list[str | None]:
    """Reasons, longer phrases first: a part is a fragment only of a phrase that is a term."""
    reasons: list[str | None] = [None] * len(candidates.terms)
    covered = np.zeros(len(candidates.terms), dtype=np.int64)  # most contexts of a term the phrase is a part of
    for index in range(len(candidates.terms) - 1, -1, -1):
        term = candidates.terms[index]
        reason = _reject_form(term, lists) or _reject_counts(candidates, index, int(covered[index]), config)
        reasons[index] = None if term in wanted else reason
        reach = covered[index] if reasons[index] else candidates.num_contexts[index]
        for part in candidates.parts[index]:
            if part >= 0:
                covered[part] = max(covered[part], reach)
    return reasons


def _reject_form(term: tuple[str, ...], lists: Lists) -> str | None:
    if term in lists.rejected:
        return "user"
    if all(token in lists.stop_words for token in term):
        return "stop_word"
    if term[0] in lists.stop_words or term[-1] in lists.stop_words:
        return "fragment"
    num_numbers = sum(not any(map(str.isalpha, token)) for token in term)
    if num_numbers == len(term) or num_numbers > 1:
        return "number"
    if len(term) == 1 and len(term[0]) == 1 and not is_unspaced(term[0]) and term[0] < "\u1100":
        return "letter"
    return "generic" if _is_generic(term, lists) else None


def _is_generic(term: tuple[str, ...], lists: Lists) -> bool:
    """Whether its main word is generic: the last ("flat icon"), or a first one before "of" ("picture of a cat")."""
    return term[-1] in lists.generic_words or (
        len(term) > 2 and term[0] in lists.generic_words and term[1] in lists.stop_words
    )


def _reject_counts(candidates: Candidates, index: int, covered: int, config: LabelsConfig) -> str | None:
    term, count = candidates.terms[index], int(candidates.num_images[index])
    contexts = int(candidates.num_contexts[index])
    if count < config.min_term_images:
        return "rare"
    if contexts > config.max_image_share * max(candidates.total_contexts, _LEAST_CONTEXTS):
        return "boilerplate"
    if len(term) == 1 and len(term[0]) == 1 and candidates.num_whole[index] < _ALONE_SHARE * count:
        return "character"
    if candidates.num_texts[index] == 1 and not candidates.num_whole[index]:
        return "copied"  # from one text that lies on several images
    if contexts < _SERIES_CONTEXTS and count >= _SERIES_IMAGES * contexts:
        return "series"
    if covered >= _FRAGMENT_SHARE * contexts:
        return "fragment"
    if len(term) > 1 and not _is_collocation(candidates, index):
        return "accidental"
    return None


def _is_collocation(candidates: Candidates, index: int) -> bool:
    """Whether the phrase is tied together at its weakest seam, by normalised pointwise mutual information.

    NPMI is 1 for parts that never occur apart and 0 for parts that meet by chance (Bouma 2009); where all have the
    phrase, nothing speaks against it.
    """
    num_contexts = candidates.total_contexts
    together = int(candidates.num_contexts[index]) / num_contexts
    heads, tails = [index], [index]
    while candidates.parts[heads[-1], 0] >= 0:
        heads.append(int(candidates.parts[heads[-1], 0]))
        tails.append(int(candidates.parts[tails[-1], 1]))
    seams = zip(heads[1:], reversed(tails[1:]), strict=True)
    apart = max(int(candidates.num_contexts[head]) * int(candidates.num_contexts[tail]) for head, tail in seams)
    lift = together * num_contexts * num_contexts / apart
    return math.log(lift) >= -_MIN_NPMI * math.log(together)
