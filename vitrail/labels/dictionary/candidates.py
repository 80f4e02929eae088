"""Candidate phrases of the texts of one language, counted.

They are counted level by level (a phrase of n+1 words is counted only where both its parts of n words were
frequent), with integer keys throughout.

Pictures of one uploader's series carry one text. So that a series counts as one witness, shares and ties are
counted in contexts: groups of images whose texts have the same words, numbers aside, and so many of them that
nobody writes just these again by chance.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vitrail.labels.arrays import drop_repeats, set_signatures
from vitrail.labels.text.normalise import BREAK, TokenBatch

__all__ = ["Candidates", "collect_candidates"]

_CONTEXT_WORDS = 8  # different words from which on equal descriptions are copies; "cat" is written independently
_COUNTED = ("text", "context")


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """C phrases with their counts over N images."""

    terms: list[tuple[str, ...]]
    num_images: np.ndarray  # int64 [C]
    num_whole: np.ndarray  # int64 [C] images with a text, or a part of one between punctuation, that is just the phrase
    num_alone: np.ndarray  # int64 [C] images with a text that is just the phrase
    num_texts: np.ndarray  # int64 [C] different texts with the phrase, numbers aside
    num_contexts: np.ndarray  # int64 [C] different contexts of its images
    parts: np.ndarray  # int64 [C, 2] the phrase without its last and without its first word; -1 for words
    total_contexts: int  # of all images with text


def _count_distinct(keys: np.ndarray, others: np.ndarray, num_keys: int) -> np.ndarray:
    """int64 [num_keys]: how many of the other numbers (below 2**31) occur with each key."""
    pairs = drop_repeats(np.sort(keys.astype(np.int64) << 32 | others))
    return np.bincount(pairs >> 32, minlength=num_keys)


def collect_candidates(
    batch: TokenBatch, images: np.ndarray, texts: np.ndarray, max_ngram: int, min_images: int
) -> Candidates:
    """Counts the 1..max_ngram-grams of texts in distinct images.

    Args:
        batch: Tokens of B texts.
        images: int64 [B], below 2**31: the image each text describes.
        texts: int64 [B], below 2**31: equal for equal texts.
        max_ngram: Longest phrase in tokens.
        min_images: Phrases of two and more words on fewer images are not listed; words all are.
    """
    encoded = batch.tokens.dictionary_encode()
    words = encoded.dictionary.to_pylist()
    ids = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    text_of = batch.text_of_token
    is_word = np.array([word not in ("", BREAK) for word in words], dtype=bool)
    is_name = np.array([any(map(str.isalpha, word)) for word in words], dtype=bool)
    owners = {
        "image": images[text_of],
        "text": number_by_words(ids, texts[text_of], is_name, 1),
        "context": number_by_words(ids, images[text_of], is_name, _CONTEXT_WORDS),
    }
    gram = np.where(is_word[ids], ids, -1) if len(ids) else ids
    return _grow(gram, ids, words, text_of, owners, max_ngram, min_images)


def number_by_words(words: np.ndarray, owners: np.ndarray, is_name: np.ndarray, min_words: int) -> np.ndarray:
    """int64 [T] a number for each token, equal where the owners of the tokens have the same words, numbers aside.

    Args:
        words: int64 [T] word numbers, below 2**31.
        owners: int64 [T] below 2**31: the image or the text of each token.
        is_name: bool, by word: has letters, and so counts.
        min_words: Owners with fewer different words are equal to none but themselves.
    """
    if not len(words):
        return np.zeros(0, dtype=np.int64)
    named = is_name[words]
    pairs = drop_repeats(np.sort(owners[named] << 32 | words[named]))
    signature = set_signatures(pairs, int(owners.max()) + 1)
    is_short = np.bincount(pairs >> 32, minlength=len(signature)) < min_words
    signature[is_short] = np.flatnonzero(is_short)  # below 2**31: no signature is there
    return np.unique(signature, return_inverse=True)[1][owners]


def _bounds(is_joined: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions that begin a stretch, and those that end one, where T - 1 neighbours are joined or not."""
    starts, ends = np.ones(len(is_joined) + 1, dtype=bool), np.ones(len(is_joined) + 1, dtype=bool)
    starts[1:], ends[:-1] = ~is_joined, ~is_joined
    return starts, ends


def _grow(
    gram: np.ndarray,
    ids: np.ndarray,
    words: list[str],
    text_of: np.ndarray,
    owners: Mapping[str, np.ndarray],
    max_ngram: int,
    min_images: int,
) -> Candidates:
    terms: list[tuple[str, ...]] = []
    levels: list[dict[str, np.ndarray]] = []
    base, previous_base, length = 0, 0, 1
    position = np.flatnonzero(gram >= 0)
    in_text = text_of[:-1] == text_of[1:]
    bounds = {
        "whole": _bounds(in_text & (gram[:-1] >= 0) & (gram[1:] >= 0)),  # punctuation ends a phrase too
        "alone": _bounds(in_text),
    }
    pair = np.full((len(words), 2), -1, dtype=np.int64)
    while len(position):
        gram, counts, first, pair = _prune(gram, position, owners["image"], pair, 1 if length == 1 else min_images)
        terms.extend(tuple(words[token] for token in ids[start : start + length]) for start in first.tolist())
        position = np.flatnonzero(gram >= 0)
        level = {name: _count_distinct(gram[position], owners[name][position], len(counts)) for name in _COUNTED}
        for name, (starts, ends) in bounds.items():
            filling = position[starts[position] & ends[position + length - 1]]
            level[name] = _count_distinct(gram[filling], owners["image"][filling], len(counts))
        levels.append(level | {"image": counts, "part": np.where(pair >= 0, pair + previous_base, -1)})
        if length == max_ngram or not len(counts):
            break
        previous_base, base = base, base + len(counts)
        length += 1
        gram, position, pair = _pair_up(gram, counts >= min_images, text_of, length)
    return _candidates(terms, levels, len(np.unique(owners["context"])))


def _candidates(terms: list[tuple[str, ...]], levels: list[dict[str, np.ndarray]], total_contexts: int) -> Candidates:
    def column(name: str) -> np.ndarray:
        return np.concatenate([np.zeros(0, np.int64), *(level[name] for level in levels)])

    return Candidates(
        terms=terms,
        num_images=column("image"),
        num_whole=column("whole"),
        num_alone=column("alone"),
        num_texts=column("text"),
        num_contexts=column("context"),
        parts=np.concatenate([np.zeros((0, 2), np.int64), *(level["part"] for level in levels)]),
        total_contexts=total_contexts,
    )


def _prune(
    gram: np.ndarray, position: np.ndarray, image_of: np.ndarray, pair: np.ndarray, min_images: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Renumbers the grams that describe enough images; the others become -1."""
    counts = _count_distinct(gram[position], image_of[position], len(pair))
    kept = np.flatnonzero(counts >= min_images)
    renumber = np.full(len(pair), -1, dtype=np.int64)
    renumber[kept] = np.arange(len(kept))
    first = np.full(len(pair), -1, dtype=np.int64)
    first[gram[position][::-1]] = position[::-1]
    pruned = np.full(len(gram), -1, dtype=np.int64)
    pruned[position] = renumber[gram[position]]
    return pruned, counts[kept], first[kept], pair[kept]


def _pair_up(
    gram: np.ndarray, is_frequent: np.ndarray, text_of: np.ndarray, length: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Joins neighbouring grams of length - 1 words into grams of `length` words."""
    is_live = (gram >= 0) & is_frequent[gram]
    position = np.flatnonzero(is_live[:-1] & is_live[1:])
    position = position[position + length <= len(gram)]
    position = position[text_of[position] == text_of[position + length - 1]]
    size = len(is_frequent)
    keys, inverse = np.unique(gram[position] * size + gram[position + 1], return_inverse=True)
    joined = np.full(len(gram), -1, dtype=np.int64)
    joined[position] = inverse
    return joined, position, np.stack([keys // size, keys % size], axis=1)
