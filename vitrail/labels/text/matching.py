"""Finds every dictionary term in a batch of tokens, with array operations only.

The terms form a trie over token ids. One step of the walk extends every live position of the whole batch by
one token, through one search in the sorted edge table; most positions die at once. All matches are found,
also nested and overlapping ones: a term inside a longer match is marked, because "hot dog" is weaker
evidence for "dog" than "dog" is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vitrail.labels.arrays import sort_keys
from vitrail.labels.text.normalise import TokenBatch

__all__ = ["Matcher", "Matches"]


@dataclass(frozen=True, kw_only=True)
class Matches:
    """M matches, ordered by text, then position, then length."""

    text: np.ndarray  # int64 [M] index of the text in the batch
    term: np.ndarray  # int32 [M] index of the term in the matcher's list
    is_nested: np.ndarray  # bool [M] lies inside a longer match


class Matcher:
    """An immutable index over terms.

    Args:
        terms: Token tuples; the position in this sequence is the id that matches carry.
    """

    def __init__(self, terms: Sequence[Sequence[str]]) -> None:
        words = sorted({token for term in terms for token in term})
        self._words = pa.array(words, pa.large_string())
        word_ids = {word: index for index, word in enumerate(words)}
        num_words = len(words)
        edges: dict[int, int] = {}
        term_of: list[int] = [-1] * num_words  # nodes 0..num_words-1 are the single words
        for term_id, term in enumerate(terms):
            node = word_ids[term[0]]
            for token in term[1:]:
                key = node * num_words + word_ids[token]
                child = edges.get(key)
                if child is None:
                    child = len(term_of)
                    edges[key] = child
                    term_of.append(-1)
                node = child
            term_of[node] = term_id
        keys = np.fromiter(edges.keys(), dtype=np.int64, count=len(edges))
        self._edges = _HashTable(keys, np.fromiter(edges.values(), dtype=np.int64, count=len(edges)))
        self._term_of = np.array(term_of, dtype=np.int32)
        self._has_children = np.zeros(len(term_of), dtype=bool)
        if num_words:
            self._has_children[keys // num_words] = True
        self._num_words = num_words

    def find(self, batch: TokenBatch) -> Matches:
        """All matches of all terms in the batch."""
        if not self._num_words or not len(batch.tokens):
            empty = np.zeros(0, dtype=np.int64)
            return Matches(text=empty, term=empty.astype(np.int32), is_nested=empty.astype(bool))
        tokens = pc.index_in(batch.tokens.cast(pa.large_string()), value_set=self._words)
        ids = pc.fill_null(tokens, -1).to_numpy(zero_copy_only=False)
        text_of = batch.text_of_token
        continuing = np.append(ids, -1)  # like ids, but no phrase goes on into the first token of a text
        continuing[batch.offsets] = -1
        starts, lengths, terms = self._walk(ids, continuing)
        order, _ = sort_keys(starts * (int(lengths.max(initial=0)) + 1) + lengths)
        starts, lengths, terms = starts[order], lengths[order], terms[order]
        return Matches(text=text_of[starts], term=terms, is_nested=_nested(starts, lengths, len(ids)))

    def _walk(self, ids: np.ndarray, continuing: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        position = np.flatnonzero(ids >= 0)
        node = ids[position].astype(np.int64)
        starts, lengths = [position[:0]], [position[:0]]
        terms = [self._term_of[:0]]
        length = 1
        while len(position):
            term = self._term_of[node]
            is_term = term >= 0
            starts.append(position[is_term])
            terms.append(term[is_term])
            lengths.append(np.full(len(starts[-1]), length, dtype=np.int64))
            position, node = self._extend(position, node, continuing[position + length])
            length += 1
        return np.concatenate(starts), np.concatenate(lengths), np.concatenate(terms)

    def _extend(self, position: np.ndarray, node: np.ndarray, following: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        live = np.flatnonzero((following >= 0) & self._has_children[node])
        child = self._edges.find(node[live] * self._num_words + following[live])
        found = np.flatnonzero(child >= 0)
        return position[live[found]], child[found]


class _HashTable:
    """int64 keys to int64 values, looked up a batch at a time (open addressing, linear probing)."""

    def __init__(self, keys: np.ndarray, values: np.ndarray) -> None:
        self._bits = max(len(keys) * 4, 2).bit_length()  # at most a quarter full: probes are few
        self._keys = np.full(1 << self._bits, -1, dtype=np.int64)
        self._values = np.full(1 << self._bits, -1, dtype=np.int64)
        slot = self._slots(keys)
        while len(keys):
            free = np.flatnonzero(self._keys[slot] < 0)
            _, first = np.unique(slot[free], return_index=True)
            placed = free[first]
            self._keys[slot[placed]], self._values[slot[placed]] = keys[placed], values[placed]
            waiting = np.ones(len(keys), dtype=bool)
            waiting[placed] = False
            keys, values, slot = keys[waiting], values[waiting], self._next(slot[waiting])

    def _slots(self, keys: np.ndarray) -> np.ndarray:
        mixed = keys.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)  # Fibonacci hashing (Knuth, 6.4)
        return (mixed >> np.uint64(64 - self._bits)).astype(np.int64)

    def _next(self, slots: np.ndarray) -> np.ndarray:
        return (slots + 1) & ((1 << self._bits) - 1)

    def find(self, keys: np.ndarray) -> np.ndarray:
        """Values of keys, -1 for those that are not in the table."""
        slot = self._slots(keys)
        found = self._keys[slot]
        values = np.full(len(keys), -1, dtype=np.int64)
        is_hit = found == keys
        hit = np.flatnonzero(is_hit)
        values[hit] = self._values[slot[hit]]
        pending = np.flatnonzero(~is_hit & (found >= 0))
        slot = slot[pending]
        while len(pending):
            slot = self._next(slot)
            found = self._keys[slot]
            hit = found == keys[pending]
            values[pending[hit]] = self._values[slot[hit]]
            waiting = ~hit & (found >= 0)
            pending, slot = pending[waiting], slot[waiting]
        return values


def _nested(starts: np.ndarray, lengths: np.ndarray, num_tokens: int) -> np.ndarray:
    """Whether a longer match covers it: same start and later end, or earlier start and no earlier end."""
    ends = starts + lengths
    furthest = np.zeros(num_tokens + 1, dtype=np.int64)
    furthest[starts + 1] = ends  # the last of a start is the longest
    before = np.maximum.accumulate(furthest)
    return (before[starts + 1] > ends) | (before[starts] >= ends)
