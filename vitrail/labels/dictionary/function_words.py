"""Which words each dictionary refuses as function words, whatever language they are of.

Those of its own language are refused outright. "hat" is one in German, and in English something to wear: a function
word of another language is refused where the texts use it as one, which is where its passage shows that language. Where
no passage with it shows any, it is refused when so many languages have it that it is hardly a name of anything, as "de"
and "una". A word that mostly stands alone, as a keyword does, is a name.
"""

from dataclasses import dataclass

import numpy as np

from vitrail.labels.arrays import drop_repeats
from vitrail.labels.text.passages import NONE, Passages
from vitrail.labels.text.stop_words import ADDRESS_PARTS, languages_of_stop_words, names_in_lists, stop_words

__all__ = ["StopWords", "find_stop_words"]

_MANY_LANGUAGES = 4
_ALONE_SHARE = 0.5  # of a word's passages that consist of it, from which on it is a name


@dataclass(frozen=True, kw_only=True)
class StopWords:
    """What a dictionary refuses."""

    words: frozenset[str]
    phrases: frozenset[tuple[str, ...]]  # of several words


def find_stop_words(passages: Passages) -> dict[int, StopWords]:
    """The function words that the dictionary of each language (by its code) refuses."""
    use = _WordUse(passages)
    spoken = np.unique(np.append(passages.shown[passages.shown != NONE], passages.language)).tolist()
    phrases = {phrase for code in spoken for phrase in stop_words(passages.languages[code]) if len(phrase) > 1}
    found = {}
    for code in np.unique(passages.language).tolist():
        own = {word[0] for word in stop_words(passages.languages[code]) if len(word) == 1}
        foreign = use.refused(code) - names_in_lists(passages.languages[code])
        words = frozenset(own | foreign | ADDRESS_PARTS)
        found[code] = StopWords(words=words, phrases=frozenset(phrases))
    return found


class _WordUse:
    """How the passages use the function words of any language: counts by dictionary and word."""

    def __init__(self, passages: Passages) -> None:
        listed = languages_of_stop_words()
        self._words = sorted(
            word for word in listed if len(word) > 1 or not word.isascii()
        )  # a letter is no term anyway
        code = {name: code for code, name in enumerate(passages.languages)}
        is_of = np.zeros((len(self._words), len(code) + 1), dtype=bool)  # the last column is NONE's
        for index, word in enumerate(self._words):
            is_of[index, [code[name] for name in listed[word]]] = True
        passage, number = self._mentions(passages)
        shown = passages.shown[passage]
        is_used = is_of[number[:, None], shown].any(axis=1) | is_of[number, passages.language[passage]]
        self._shape = len(code), len(self._words)
        self._key = passages.language[passage] * len(self._words) + number
        self._num_passages = self._count(np.ones(len(number), dtype=bool))
        self._num_alone = self._count(passages.batch.lengths[passage] == 1)
        self._num_told = self._count(is_used | (shown[:, 0] != NONE))
        self._num_used = self._count(is_used)
        self._num_languages = is_of.sum(axis=1)

    def _mentions(self, passages: Passages) -> tuple[np.ndarray, np.ndarray]:
        """Distinct (passage, word) pairs."""
        encoded = passages.batch.tokens.dictionary_encode()
        place = {word: index for index, word in enumerate(self._words)}
        index = np.array([place.get(word, -1) for word in encoded.dictionary.to_pylist()] or [-1], dtype=np.int64)
        word = index[encoded.indices.to_numpy(zero_copy_only=False)]
        passage = passages.batch.text_of_token
        pairs = drop_repeats(np.sort(passage[word >= 0] << 32 | word[word >= 0]))
        return pairs >> 32, pairs & 0xFFFFFFFF

    def _count(self, is_counted: np.ndarray) -> np.ndarray:
        """int64 [languages, words]."""
        num_languages, num_words = self._shape
        return np.bincount(self._key[is_counted], minlength=num_languages * num_words).reshape(self._shape)

    def refused(self, code: int) -> set[str]:
        """Words that the dictionary of a language refuses for what they are in others."""
        told, used, here = self._num_told[code], self._num_used[code], self._num_passages[code]
        told_anywhere, used_anywhere = self._num_told.sum(axis=0), self._num_used.sum(axis=0)
        is_used = (2 * used_anywhere >= told_anywhere) & (used_anywhere >= here)
        elsewhere = np.where(told_anywhere > 0, is_used, self._num_languages >= _MANY_LANGUAGES)
        is_name = self._num_alone[code] >= _ALONE_SHARE * here
        is_refused = np.where(told > 0, 2 * used >= told, elsewhere & ~is_name)
        return {self._words[index] for index in np.flatnonzero(is_refused & (here > 0))}
