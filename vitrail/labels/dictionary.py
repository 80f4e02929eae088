"""Candidate phrases of a corpus, and the dictionary that is left after filtering.

Candidates are counted level by level (a phrase of n+1 words is counted only where both its parts of n words
were frequent), with integer keys throughout. Every candidate is kept with the reason when it is not a term.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from vitrail.labels.config import LabelsConfig
from vitrail.labels.normalise import BREAK, TokenBatch, is_unspaced, join_term
from vitrail.labels.spelling import find_misspellings

__all__ = ["Candidates", "Dictionary", "build_dictionary", "collect_candidates"]

_ALONE_SHARE = 0.5  # a character of an unspaced script is a word when it stands alone in half of its images
_MIN_NPMI = 0.3  # of the halves of a phrase
_FRAGMENT_SHARE = 0.9  # a phrase that is inside the same term in 90% of its images is a part of it


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """C phrases with their counts over N images."""

    terms: list[tuple[str, ...]]
    num_images: np.ndarray  # int64 [C]
    num_whole: np.ndarray  # int64 [C] images with a text, or a part of one between punctuation, that is just the phrase
    num_texts: np.ndarray  # int64 [C] different texts with the phrase
    parts: np.ndarray  # int64 [C, 2] the phrase without its last and without its first word; -1 for words


@dataclass(frozen=True, kw_only=True)
class Dictionary:
    """Every candidate; `reason` is None for terms, `canonical` the index a variant is counted as."""

    terms: list[tuple[str, ...]]
    num_images: np.ndarray  # int64 [C]
    reason: list[str | None]
    canonical: np.ndarray  # int64 [C]

    @property
    def accepted(self) -> np.ndarray:
        """Indices of accepted terms, variants included."""
        return np.array([index for index, reason in enumerate(self.reason) if reason is None], dtype=np.int64)


def _count_distinct(keys: np.ndarray, others: np.ndarray, num_keys: int) -> np.ndarray:
    pairs = np.sort(keys.astype(np.int64) << 32 | others)  # np.unique would hash: slower for integers
    is_first = np.diff(pairs, prepend=-1) != 0
    return np.bincount(pairs[is_first] >> 32, minlength=num_keys)


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
    text_of = np.repeat(np.arange(len(batch.offsets) - 1), np.diff(batch.offsets))
    image_of = images[text_of]
    is_word = np.array([word not in ("", BREAK) for word in words], dtype=bool)
    gram = np.where(is_word[ids], ids, -1) if len(ids) else ids
    return _grow(gram, ids, words, text_of, image_of, texts[text_of], max_ngram, min_images)


def _phrase_bounds(gram: np.ndarray, text_of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions that begin a phrase, and those that end one, at punctuation or the bounds of the text."""
    is_joined = (gram[:-1] >= 0) & (gram[1:] >= 0) & (text_of[:-1] == text_of[1:])
    starts, ends = np.ones(len(gram), dtype=bool), np.ones(len(gram), dtype=bool)
    starts[1:], ends[:-1] = ~is_joined, ~is_joined
    return starts, ends


def _grow(
    gram: np.ndarray,
    ids: np.ndarray,
    words: list[str],
    text_of: np.ndarray,
    image_of: np.ndarray,
    copy_of: np.ndarray,
    max_ngram: int,
    min_images: int,
) -> Candidates:
    terms: list[tuple[str, ...]] = []
    counts, whole, copies, parts = [], [], [], []
    base, previous_base, length = 0, 0, 1
    position = np.flatnonzero(gram >= 0)
    starts, ends = _phrase_bounds(gram, text_of)
    pair = np.full((len(words), 2), -1, dtype=np.int64)
    while len(position):
        gram, keep_counts, first, pair = _prune(gram, position, image_of, pair, 1 if length == 1 else min_images)
        terms.extend(tuple(words[token] for token in ids[start : start + length]) for start in first.tolist())
        position = np.flatnonzero(gram >= 0)
        filling = position[starts[position] & ends[position + length - 1]]
        counts.append(keep_counts)
        whole.append(_count_distinct(gram[filling], image_of[filling], len(keep_counts)))
        copies.append(_count_distinct(gram[position], copy_of[position], len(keep_counts)))
        parts.append(np.where(pair >= 0, pair + previous_base, -1))
        if length == max_ngram or not len(keep_counts):
            break
        previous_base, base = base, base + len(keep_counts)
        length += 1
        gram, position, pair = _pair_up(gram, counts[-1] >= min_images, text_of, length)
    if not counts:
        return Candidates(
            terms=[],
            num_images=np.zeros(0, np.int64),
            num_whole=np.zeros(0, np.int64),
            num_texts=np.zeros(0, np.int64),
            parts=np.zeros((0, 2), np.int64),
        )
    return Candidates(
        terms=terms,
        num_images=np.concatenate(counts),
        num_whole=np.concatenate(whole),
        num_texts=np.concatenate(copies),
        parts=np.concatenate(parts),
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


def build_dictionary(
    candidates: Candidates,
    num_images: int,
    config: LabelsConfig,
    stop_words: Collection[str],
    user_terms: Sequence[tuple[str, ...]] = (),
) -> Dictionary:
    """Filters candidates into a dictionary.

    Args:
        candidates: Counted phrases.
        num_images: Images with text, N.
        config: Limits.
        stop_words: Words that name nothing, in the languages they are used in.
        user_terms: Terms that pass whatever the filters say; those not among the candidates are added.
    """
    wanted = set(user_terms)
    known = set(candidates.terms)
    missing = [term for term in dict.fromkeys(user_terms) if term not in known]
    reasons = _reject_all(candidates, num_images, config, stop_words, wanted)
    terms = candidates.terms + missing
    counts = np.concatenate([candidates.num_images, np.zeros(len(missing), dtype=np.int64)])
    reasons += [None] * len(missing)
    canonical = find_canonical(terms, counts, reasons)
    for index, stands_for in _misspellings(terms, counts, reasons).items():
        if terms[index] not in wanted:
            reasons[index], canonical[index] = "misspelling", stands_for
    return Dictionary(terms=terms, num_images=counts, reason=reasons, canonical=canonical)


def _misspellings(
    terms: Sequence[tuple[str, ...]], counts: np.ndarray, reasons: Sequence[str | None]
) -> dict[int, int]:
    """Misspelt single words by index, with the index of the word each stands for."""
    single = [index for index, term in enumerate(terms) if len(term) == 1 and reasons[index] in (None, "rare")]
    found = find_misspellings([terms[index][0] for index in single], counts[single].tolist())
    return {single[wrong]: single[right] for wrong, right in found.items()}


def _reject_all(
    candidates: Candidates,
    num_images: int,
    config: LabelsConfig,
    stop_words: Collection[str],
    wanted: set[tuple[str, ...]],
) -> list[str | None]:
    """Reasons, longer phrases first: a part is a fragment only of a phrase that is a term."""
    reasons: list[str | None] = [None] * len(candidates.terms)
    covered = np.zeros(len(candidates.terms), dtype=np.int64)  # most images of a term the phrase is a part of
    for index in range(len(candidates.terms) - 1, -1, -1):
        term = candidates.terms[index]
        reason = _reject_form(term, stop_words) or _reject_counts(
            candidates, index, int(covered[index]), num_images, config
        )
        reasons[index] = None if term in wanted else reason
        reach = covered[index] if reasons[index] else candidates.num_images[index]
        for part in candidates.parts[index]:
            if part >= 0:
                covered[part] = max(covered[part], reach)
    return reasons


def _reject_form(term: tuple[str, ...], stop_words: Collection[str]) -> str | None:
    if all(token in stop_words for token in term):
        return "stop_word"
    if term[0] in stop_words or term[-1] in stop_words:
        return "fragment"
    text = "".join(term)
    if not any(character.isalpha() for character in text):
        return "number"
    if len(text) == 1 and not is_unspaced(text) and text < "\u1100":
        return "letter"
    return None


def _reject_counts(
    candidates: Candidates, index: int, covered: int, num_images: int, config: LabelsConfig
) -> str | None:
    term, count = candidates.terms[index], int(candidates.num_images[index])
    if count < config.min_term_images:
        return "rare"
    if count > config.max_image_share * num_images:
        return "boilerplate"
    if len(term) == 1 and len(term[0]) == 1 and candidates.num_whole[index] < _ALONE_SHARE * count:
        return "character"
    if candidates.num_texts[index] == 1 and not candidates.num_whole[index]:
        return "copied"  # from one text that lies on several images
    if covered >= _FRAGMENT_SHARE * count:
        return "fragment"
    if len(term) > 1 and not _is_collocation(candidates, index, num_images):
        return "accidental"
    return None


def _is_collocation(candidates: Candidates, index: int, num_images: int) -> bool:
    """Whether the phrase is tied together at its weakest seam, by normalised pointwise mutual information.

    NPMI is 1 for parts that never occur apart and 0 for parts that meet by chance (Bouma 2009).
    """
    together = int(candidates.num_images[index]) / num_images
    heads, tails = [index], [index]
    while candidates.parts[heads[-1], 0] >= 0:
        heads.append(int(candidates.parts[heads[-1], 0]))
        tails.append(int(candidates.parts[tails[-1], 1]))
    seams = zip(heads[1:], reversed(tails[1:]), strict=True)
    apart = max(int(candidates.num_images[head]) * int(candidates.num_images[tail]) for head, tail in seams)
    lift = together * num_images * num_images / apart
    return together < 1 and math.log(lift) >= -_MIN_NPMI * math.log(together)


def find_canonical(terms: Sequence[tuple[str, ...]], counts: np.ndarray, reasons: Sequence[str | None]) -> np.ndarray:
    """Index of the term each accepted term is counted as: its most frequent spelling or number variant."""
    canonical = np.arange(len(terms))
    accepted = [index for index, reason in enumerate(reasons) if reason is None]
    groups: dict[str, list[int]] = {}
    by_text = {join_term(list(terms[index])): index for index in accepted}
    for index in accepted:
        groups.setdefault(_variant_key(terms[index], by_text), []).append(index)
    for members in groups.values():
        canonical[members] = min(members, key=lambda index: (-counts[index], terms[index]))
    return canonical


def _variant_key(term: tuple[str, ...], known: dict[str, int]) -> str:
    text = join_term(list(term))
    singular = _singular(text, known)
    return (singular or text).replace(" ", "")


def _singular(text: str, known: dict[str, int]) -> str | None:
    """The term without its plural ending (English and Romance), when that is a term too."""
    for ending, replacement in (("ies", "y"), ("es", ""), ("s", "")):
        stem = text[: -len(ending)] + replacement
        if text.endswith(ending) and len(stem) >= 3 and stem in known:
            return stem
    return None
