"""The surface forms that are matched in texts, and the term each counts as in the language of its text.

A form of one dictionary counts as that term in any text: captions borrow words. A form that several languages know
counts as what it is in its text's language, which may be nothing: "die" names a cube in English, and in German it is a
stop word. A text that does not tell its language is read in the one most of its other forms are of. Where that does not
know the form, it is what it is in the language that says it of most images.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vitrail.labels.text.language_tags import UNKNOWN, primary_language
from vitrail.labels.text.matching import Matcher, Matches
from vitrail.labels.text.normalise import TokenBatch

__all__ = ["NO_TERM", "Surfaces", "load_surfaces"]

NO_TERM = -1
_UNTOLD = -1


class Surfaces:
    """Finds terms in texts.

    Args:
        entries: tokens (list of strings), language, term (the number it counts as, or NO_TERM) and num_images of E
            entries of the dictionaries; a form is in it once for each language that knows it.
    """

    def __init__(self, entries: pa.Table) -> None:
        names = entries["language"].to_pylist()
        languages = sorted(set(names))
        self._codes = {name: code for code, name in enumerate(languages)}
        code = np.array([self._codes[name] for name in names], dtype=np.int64)
        term = entries["term"].to_numpy().astype(np.int32)
        number: dict[tuple[str, ...], int] = {}
        form = [number.setdefault(tuple(tokens), len(number)) for tokens in entries["tokens"].to_pylist()]
        surface = np.array(form, dtype=np.int64)
        order = np.lexsort((code, -entries["num_images"].to_numpy(), surface))
        first = order[np.searchsorted(surface[order], np.arange(len(number)))]  # of each form that of most images
        self._matcher = Matcher(list(number))
        self._term, self._language = term[first], code[first]
        shared = np.flatnonzero(np.bincount(surface, minlength=len(number)) > 1)
        self._row = np.full(len(number), -1, dtype=np.int64)
        self._row[shared] = np.arange(len(shared))
        self._by_language = np.repeat(self._term[shared, None], len(languages) + 1, axis=1)  # the last: untold
        row = self._row[surface]
        self._by_language[row[row >= 0], code[row >= 0]] = term[row >= 0]

    def find(self, batch: TokenBatch, languages: pa.Array) -> Matches:
        """All terms in the texts of a batch, as the languages of the texts (tags such as pt-BR, null) mean them."""
        matches = self._matcher.find(batch)
        term, row = self._term[matches.term], self._row[matches.term]
        shared = np.flatnonzero(row >= 0)
        if not len(shared):
            return replace(matches, term=term)
        code = self._encode(languages)
        if code.min() == _UNTOLD:
            code = self._vote(code, matches, row)
        term[shared] = self._by_language[row[shared], code[matches.text[shared]]]
        kept = term != NO_TERM
        return Matches(text=matches.text[kept], term=term[kept], is_nested=matches.is_nested[kept])

    def _encode(self, languages: pa.Array) -> np.ndarray:
        """int64 codes of languages by tag."""
        encoded = languages.cast(pa.string()).dictionary_encode()
        told = [self._codes.get(primary_language(name) or "", _UNTOLD) for name in encoded.dictionary.to_pylist()]
        return np.array([*told, _UNTOLD])[pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)]

    def _vote(self, code: np.ndarray, matches: Matches, row: np.ndarray) -> np.ndarray:
        """The codes, and for texts that need it and do not tell theirs that of most of their other forms."""
        is_asked = np.zeros(len(code), dtype=bool)
        is_asked[matches.text[row >= 0]] = True
        is_asked &= code == _UNTOLD
        is_told = self._language[matches.term] != self._codes.get(UNKNOWN, _UNTOLD)  # not of the user's files alone
        voter = np.flatnonzero(is_asked[matches.text] & (row < 0) & is_told)
        voted = _majority(matches.text[voter], self._language[matches.term[voter]], len(code))
        return np.where(is_asked, voted, code)


def _majority(item: np.ndarray, code: np.ndarray, num_items: int) -> np.ndarray:
    """int64 [num_items]: the code most often seen with each item, the smallest of equals; -1 for none."""
    width = int(code.max(initial=0)) + 1
    keys, counts = np.unique(item.astype(np.int64) * width + code, return_counts=True)
    order = np.lexsort((keys, -counts, keys // width))
    items, first = np.unique(keys[order] // width, return_index=True)
    best = np.full(num_items, -1, dtype=np.int64)
    best[items] = keys[order][first] % width
    return best


def load_surfaces(path: Path) -> Surfaces:
    """Over the entries in a Parquet file."""
    return Surfaces(pq.read_table(path))
