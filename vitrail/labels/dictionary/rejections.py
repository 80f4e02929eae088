"""The rules by which a candidate phrase is no term: by its form, and by its counts."""

import math

import numpy as np

from vitrail.labels.config import LabelsConfig
from vitrail.labels.dictionary.candidates import Candidates
from vitrail.labels.dictionary.word_lists import WordLists
from vitrail.labels.text.normalise import is_unspaced

__all__ = ["DENYING", "REASONS", "reject_candidates"]

REASONS = {
    "rare": "on fewer than min_term_images images",
    "boilerplate": "on more than max_image_share of the descriptions",
    "copied": "only in one text that lies on several images",
    "series": "only in the captions of a machine-made series",
    "collection": "names a collection or an uploader of pictures of everything, whatever they show",
    "variant": "tells drawings of one thing apart, whatever they show: a style, a weight, a tone",
    "generic": "speaks of pictures as such: icon, image, theme, idea",
    "stop_word": "function words and parts of addresses only",
    "fragment": "begins with a stop word, ends with one and is no text of its own, or is part of one longer term",
    "accidental": "words that meet by chance",
    "misspelling": "rare, and one slip away from a far more frequent word",
    "character": "one character of a script without spaces that does not stand alone",
    "letter": "a single letter",
    "number": "numbers only, or several of them",
    "user": "a dictionary file says so",
}
# Reasons that say what a phrase is, and not that too few texts have it.
DENYING = ("user", "stop_word", "generic", "number", "letter", "boilerplate")
_ALONE_SHARE = 0.5  # a character of an unspaced script is a word when it stands alone in half of its images
_MIN_NPMI = 0.3  # of the halves of a phrase
_FRAGMENT_SHARE = 0.9  # a phrase that is inside the same term in 90% of its contexts is a part of it
_SERIES_IMAGES = 20  # images a context, from which on a phrase of few contexts is the caption of a machine-made series
_SERIES_CONTEXTS = 5
_LEAST_CONTEXTS = 100  # of which a share says something; a language with fewer is held against as many


def reject_candidates(candidates: Candidates, config: LabelsConfig, lists: WordLists) -> list[str | None]:
    """A key of REASONS for each of C candidates, None for those that are left.

    Longer phrases come first: a part is a fragment only of a phrase that is a term.
    """
    wanted = set(lists.wanted)
    reasons: list[str | None] = [None] * len(candidates.terms)
    covered = np.zeros(len(candidates.terms), dtype=np.int64)  # most contexts of a term the phrase is a part of
    for index in range(len(candidates.terms) - 1, -1, -1):
        term = candidates.terms[index]
        is_text = int(candidates.num_alone[index]) >= config.min_term_images
        reason = _reject_form(term, lists, is_text=is_text)
        reason = reason or _reject_counts(candidates, index, int(covered[index]), config)
        reasons[index] = None if term in wanted else reason
        reach = covered[index] if reasons[index] else candidates.num_contexts[index]
        for part in candidates.parts[index]:
            if part >= 0:
                covered[part] = max(covered[part], reach)
    return reasons


def _reject_form(term: tuple[str, ...], lists: WordLists, *, is_text: bool) -> str | None:
    if term in lists.rejected:
        return "user"
    if all(token in lists.stop_words for token in term) or term in lists.stop_phrases:
        return "stop_word"
    if _starts_loosely(term, lists) or (not is_text and _ends_loosely(term, lists)):
        return "fragment"
    num_numbers = sum(not any(map(str.isalpha, token)) for token in term)
    if num_numbers == len(term) or num_numbers > 1:
        return "number"
    if len(term) == 1 and len(term[0]) == 1 and not is_unspaced(term[0]) and term[0] < "\u1100":
        return "letter"
    return "generic" if _is_generic(term, lists) else None


def _starts_loosely(term: tuple[str, ...], lists: WordLists) -> bool:
    """Whether it begins with a function word, or with a phrase of them."""
    return term[0] in lists.stop_words or any(term[:length] in lists.stop_phrases for length in _phrase_lengths(term))


def _ends_loosely(term: tuple[str, ...], lists: WordLists) -> bool:
    """Whether it ends so: "face with", but "thumbs up" and "luna nueva" too, which are texts of their own."""
    return term[-1] in lists.stop_words or any(term[-length:] in lists.stop_phrases for length in _phrase_lengths(term))


def _phrase_lengths(term: tuple[str, ...]) -> range:
    if is_unspaced(term[0][0]) and term[0][0] < "\u3000":  # of Thai and its like: a token is no syllable
        return range(0)
    return range(2, len(term))


def _is_generic(term: tuple[str, ...], lists: WordLists) -> bool:
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
