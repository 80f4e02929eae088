"""Passages: the stretches of texts between punctuation, each in the language that its function words show.

A text field can hold a sentence in one language and the next in another, and the language it was given can be wrong.
Function words tell: a passage shows a language by at least MIN_WORDS different function words of it. What one language
explains counts for no other, so that a passage shows a second one only by words that are not of the first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vitrail.labels.arrays import drop_repeats, positions_in_rows, row_of_each, run_starts
from vitrail.labels.text.normalise import BREAK, TokenBatch
from vitrail.labels.text.scripts import LATIN, LIKELIEST_LANGUAGE, script_of
from vitrail.labels.text.stop_words import has_stop_words, languages_of_stop_words, stop_words

__all__ = ["MAX_SHOWN", "MIN_WORDS", "NONE", "Passages", "read_passages"]

MIN_WORDS = 2  # one can be a word of another language: the "hat" of "a hat"
MAX_SHOWN = 3  # languages of one passage that are told apart
NONE = -1
_TOLD_MARGIN = 3  # function words by which another language outdoes the one a text was given: words of two are many
_MAX_WRONG = 0.05  # of the passages given a language, from which on it is trusted no more than a guess
_MIN_SHARE = 0.01  # of the passages that show some language, for a language to be one of the corpus
_BLOCK = 65_536  # passages at once


@dataclass(frozen=True, kw_only=True)
class Passages:
    """P passages with their languages, as codes into `languages`."""

    batch: TokenBatch  # without BREAK tokens, a row each
    text: np.ndarray  # int64 [P] the text that each is of
    languages: tuple[str, ...]
    language: np.ndarray  # int64 [P]
    shown: np.ndarray  # int64 [P, MAX_SHOWN] languages that the passage shows, the clearest first, NONE behind them


def read_passages(batch: TokenBatch, text_languages: Sequence[str], is_told: np.ndarray) -> Passages:
    """Splits texts at punctuation and finds the language of each passage.

    A passage that shows no language is in that of its text, unless others of the text show languages and none is that:
    then it is in the one which most of them show. None is in a language that is not written in its script.

    Args:
        batch: Tokens of B texts.
        text_languages: What the texts are taken to be in.
        is_told: bool [B], whether somebody said so.
    """
    passages, text = _split(batch)
    evidence = _Evidence(passages, text_languages)
    own = np.array([evidence.code[name] for name in text_languages], dtype=np.int64)
    shown = evidence.show(own[text], is_told[text])
    around = _language_around(shown[:, 0], text, own)
    language = np.where(shown[:, 0] != NONE, shown[:, 0], evidence.fit_script(around[text], own[text]))
    return Passages(batch=passages, text=text, languages=evidence.languages, language=language, shown=shown)


def _split(batch: TokenBatch) -> tuple[TokenBatch, np.ndarray]:
    """A row for each passage, and the text it is of."""
    is_break = pc.equal(batch.tokens, BREAK).to_numpy(zero_copy_only=False)
    kept = np.flatnonzero(~is_break)
    text = batch.text_of_token
    starts = run_starts((text + np.cumsum(is_break))[kept])  # both grow along the tokens
    offsets = np.append(starts, len(kept)).astype(np.int64)
    return TokenBatch(tokens=batch.tokens.filter(pa.array(~is_break)), offsets=offsets), text[kept[starts]]


def _language_around(first: np.ndarray, text: np.ndarray, own: np.ndarray) -> np.ndarray:
    """int64 [B]: the language of the passages of each text that show none."""
    is_shown = first != NONE
    width = int(max(first.max(initial=0), own.max(initial=0))) + 1
    keys, counts = np.unique(text[is_shown] * width + first[is_shown], return_counts=True)
    order = np.lexsort((keys, -counts, keys // width))
    texts, most = np.unique(keys[order] // width, return_index=True)
    language = own.copy()
    language[texts] = keys[order][most] % width
    confirmed = np.unique(keys[keys % width == own[keys // width]] // width)
    language[confirmed] = own[confirmed]
    return language


class _Evidence:
    """The function words of each passage, the languages that they are of, and scripts."""

    def __init__(self, passages: TokenBatch, text_languages: Sequence[str]) -> None:
        listed = languages_of_stop_words()
        names = sorted({*text_languages, *(name for found in listed.values() for name in found)})
        self.languages = tuple(names)
        self.code = {name: code for code, name in enumerate(names)}
        encoded = passages.tokens.dictionary_encode()
        words = encoded.dictionary.to_pylist()
        known = {word: sorted(map(self.code.__getitem__, found)) for word, found in listed.items()}
        of_word = [known.get(word, []) if _is_telling(word) else [] for word in words]
        self._counts = np.array([len(codes) for codes in of_word], dtype=np.int64)
        self._starts = np.cumsum(self._counts) - self._counts
        self._codes = np.array([code for codes in of_word for code in codes], dtype=np.int64)
        self._word = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        self._passages = passages
        self._scripts = _Scripts(words, names)
        self._total = np.zeros(len(names), dtype=np.int64)  # passages that show each language

    def show(self, own: np.ndarray, is_told: np.ndarray) -> np.ndarray:
        """int64 [P, MAX_SHOWN] languages that passages show.

        Args:
            own: int64 [P], the language each is taken to be in.
            is_told: bool [P], whether somebody said so.
        """
        everything = np.ones(len(self.languages), dtype=bool)
        first = self._explain(own, np.where(is_told, _TOLD_MARGIN, 1), everything, 1)[:, 0]
        margin = np.where(is_told & ~self._are_wrong(first, own)[own], _TOLD_MARGIN, 1)
        first = self._explain(own, margin, everything, 1)[:, 0]
        self._total = np.bincount(first[first != NONE], minlength=len(self.languages))
        return self._explain(own, margin, self._total >= max(_MIN_SHARE * self._total.sum(), 1), MAX_SHOWN)

    def _are_wrong(self, first: np.ndarray, own: np.ndarray) -> np.ndarray:
        """Bool [L]: which languages are given to texts in others, by the passages that show one."""
        is_shown = first != NONE
        given = np.bincount(own[is_shown], minlength=len(self.languages))
        contradicted = np.bincount(own[is_shown & (first != own)], minlength=len(self.languages))
        return contradicted > _MAX_WRONG * given

    def _explain(self, own: np.ndarray, margin: np.ndarray, spoken: np.ndarray, num_shown: int) -> np.ndarray:
        """int64 [P, MAX_SHOWN]: as _explain of all passages."""
        rank = np.argsort(np.lexsort((np.arange(len(self._total)), self._total)), kind="stable")
        shown = np.full((len(own), MAX_SHOWN), NONE, dtype=np.int64)
        for rows, votes in self._blocks(own):
            shown[rows] = _explain(votes, own[rows], margin[rows], spoken, rank, num_shown)
        return shown

    def fit_script(self, *candidates: np.ndarray) -> np.ndarray:
        """int64 [P]: for each passage the first candidate (int64 [P]) that its script can be of, else the script's."""
        script = self._scripts.of_passages(self._passages, self._word)
        language = self._scripts.likeliest(self._total)[script]
        for candidate in reversed(candidates):
            language = np.where(self._scripts.is_written_in[candidate, script], candidate, language)
        return np.where(language == NONE, candidates[0], language)

    def _blocks(self, own: np.ndarray) -> Iterator[tuple[np.ndarray, "_Votes"]]:
        """The passages with function words: their numbers and their votes."""
        offsets = self._passages.offsets
        for start in range(0, len(own), _BLOCK):
            bounds = offsets[start : start + _BLOCK + 1]
            word = self._word[bounds[0] : bounds[-1]]
            is_listed = self._counts[word] > 0
            pairs = drop_repeats(np.sort(row_of_each(np.diff(bounds))[is_listed] << 32 | word[is_listed]))
            passage, word = pairs >> 32, pairs & 0xFFFFFFFF
            weight = np.where(self._scripts.are_foreign(word, own[start + passage]), _TOLD_MARGIN, 1)
            enough = np.bincount(passage, weight, minlength=len(bounds) - 1) >= MIN_WORDS
            kept, rows = enough[passage], np.flatnonzero(enough)
            yield start + rows, self._votes(np.searchsorted(rows, passage[kept]), word[kept], weight[kept], len(rows))

    def _votes(self, row: np.ndarray, word: np.ndarray, weight: np.ndarray, num_rows: int) -> "_Votes":
        counts = self._counts[word]
        pair = row_of_each(counts)
        language = self._codes[positions_in_rows(self._starts[word], counts)]
        return _Votes(num_rows=num_rows, row=row[pair], pair=pair, language=language, weight=weight[pair])


def _is_telling(word: str) -> bool:
    """Whether it is more than a letter that a plate or a list can have; vowels, w and z are whole words of many."""
    return len(word) > 1 or not word.isascii() or word in "aeiouywz"


class _Scripts:
    """The scripts of words, and those that each language's function words are written in."""

    def __init__(self, words: Sequence[str], languages: Sequence[str]) -> None:
        scripts = [script_of(word) for word in words]
        names = sorted({*LIKELIEST_LANGUAGE, *(script for script in scripts if script)})
        code = {name: number for number, name in enumerate(names)}
        self._of_word = np.array([code[script] if script else NONE for script in scripts] or [NONE], dtype=np.int64)
        self.is_written_in = np.ones((len(languages), len(names) + 1), dtype=bool)  # the last is of no script
        for row, language in zip(self.is_written_in, languages, strict=True):
            if has_stop_words(language):
                own = {script_of(word) for phrase in stop_words(language) for word in phrase}
                row[:-1] = [name in own for name in names]
        self.is_written_in[:, [code[name] for name in names if name == LATIN]] = True  # all borrow Latin words
        self._likeliest = [LIKELIEST_LANGUAGE.get(name) for name in names]
        self._languages = list(languages)

    def are_foreign(self, word: np.ndarray, own: np.ndarray) -> np.ndarray:
        """Whether words (int64 [N]) are in a script that these languages (int64 [N]) are not written in."""
        return ~self.is_written_in[own, self._of_word[word]]

    def of_passages(self, passages: TokenBatch, word: np.ndarray) -> np.ndarray:
        """int64 [P]: the script of passages, none of them empty, that are in one; else NONE."""
        script, starts = self._of_word[word], passages.offsets[:-1]
        if not len(starts):
            return np.zeros(0, dtype=np.int64)
        last = np.maximum.reduceat(script, starts)
        first = np.minimum.reduceat(np.where(script == NONE, len(self._likeliest), script), starts)
        return np.where(first == last, last, NONE)

    def likeliest(self, total: np.ndarray) -> np.ndarray:
        """int64: the language of each script: the one that most passages show (int64 [L]), else that of most people."""
        found = []
        for number, likeliest in enumerate(self._likeliest):
            counts = np.where(self.is_written_in[:, number], total, 0)
            best = int(np.argmax(counts))
            known = self._languages.index(likeliest) if likeliest in self._languages else NONE
            found.append(best if counts[best] else known)
        return np.array([*found, NONE], dtype=np.int64)


@dataclass(frozen=True, kw_only=True)
class _Votes:
    """A vote for each language of each function word of R passages."""

    num_rows: int  # R
    row: np.ndarray  # int64 [V] passage
    pair: np.ndarray  # int64 [V] number of the word in its passage
    language: np.ndarray  # int64 [V]
    weight: np.ndarray  # int64 [V]

    def count(self, num_languages: int) -> np.ndarray:
        """int64 [R, L]."""
        key = self.row * num_languages + self.language
        counts = np.bincount(key, self.weight, minlength=self.num_rows * num_languages)
        return counts.astype(np.int64).reshape(self.num_rows, num_languages)

    def without(self, explained: np.ndarray) -> "_Votes":
        """The votes of words that are not of the language (int64 [R]) that explains their passage."""
        is_of = self.language == explained[self.row]
        is_explained = np.zeros(int(self.pair.max(initial=-1)) + 1, dtype=bool)
        is_explained[self.pair[is_of]] = True
        kept = ~is_explained[self.pair]
        taken = {name: getattr(self, name)[kept] for name in ("row", "pair", "language", "weight")}
        return _Votes(num_rows=self.num_rows, **taken)


def _explain(
    votes: _Votes, own: np.ndarray, margin: np.ndarray, spoken: np.ndarray, rank: np.ndarray, num_shown: int
) -> np.ndarray:
    """int64 [R, MAX_SHOWN]: the language of most of a passage's function words, then that of most of the others.

    One that is not by `margin` before the language the passage is taken to be in (`own`) is not shown. Other languages
    are those that are spoken (bool [L]); of equal ones that of the higher rank (int64 [L]) counts.
    """
    shown = np.full((len(own), MAX_SHOWN), NONE, dtype=np.int64)
    rows = np.arange(len(own))
    is_open = np.ones(len(own), dtype=bool)
    for place in range(num_shown):
        counts = votes.count(len(spoken))
        mine = counts[rows, own]
        counts = np.where(spoken, counts, 0)
        counts[rows, own] = mine
        best = np.argmax(counts * len(spoken) + rank, axis=1)
        if place == 0:
            best = np.where(counts[rows, best] - mine < margin, own, best)
        is_open &= counts[rows, best] >= MIN_WORDS
        shown[:, place] = np.where(is_open, best, NONE)
        votes = votes.without(shown[:, place])
    return shown
