"""Candidate phrases of a corpus, and the dictionary that is left after filtering.

Candidates are counted level by level (a phrase of n+1 words is counted only where both its parts of n words
were frequent), with integer keys throughout. Every candidate is kept with the reason when it is not a term.

Pictures of one uploader's series carry one text. So that a series counts as one witness, shares and ties are
counted in contexts: groups of images whose texts have the same words, numbers aside, and so many of them that
nobody writes just these again by chance.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from vitrail.labels.config import LabelsConfig
from vitrail.labels.normalise import BREAK, TokenBatch, is_unspaced
from vitrail.labels.spelling import find_misspellings
from vitrail.labels.variants import find_canonical

__all__ = ["Candidates", "Dictionary", "Lists", "build_dictionary", "collect_candidates"]

_ALONE_SHARE = 0.5  # a character of an unspaced script is a word when it stands alone in half of its images
_MIN_NPMI = 0.3  # of the halves of a phrase
_FRAGMENT_SHARE = 0.9  # a phrase that is inside the same term in 90% of its contexts is a part of it
_CONTEXT_WORDS = 8  # different words from which on equal descriptions are copies; "cat" is written independently
_SERIES_IMAGES = 20  # images a context, from which on a phrase of few contexts is the caption of a machine-made series
_SERIES_CONTEXTS = 5


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """C phrases with their counts over N images."""

    terms: list[tuple[str, ...]]
    num_images: np.ndarray  # int64 [C]
    num_whole: np.ndarray  # int64 [C] images with a text, or a part of one between punctuation, that is just the phrase
    num_texts: np.ndarray  # int64 [C] different texts with the phrase, numbers aside
    num_contexts: np.ndarray  # int64 [C] different contexts of its images
    language: np.ndarray  # int64 [C] code of the language of most texts with the phrase
    parts: np.ndarray  # int64 [C, 2] the phrase without its last and without its first word; -1 for words
    total_contexts: int  # of all images


@dataclass(frozen=True, kw_only=True)
class Lists:
    """What people say about words: by language, and in the files of the user.

    A user's term passes whatever the filters say; a user's variant counts as the term it is put on.
    """

    stop_words: Collection[str] = ()
    generic_words: Collection[str] = ()
    terms: Sequence[tuple[str, ...]] = ()
    rejected: Collection[tuple[str, ...]] = ()
    variants: Mapping[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Dictionary:
    """Every candidate; `reason` is None for terms, `canonical` the index of the term it counts as, or may mean."""

    terms: list[tuple[str, ...]]
    num_images: np.ndarray  # int64 [C]
    reason: list[str | None]
    canonical: np.ndarray  # int64 [C]
    language: np.ndarray  # int64 [C] code, -1 for terms no text has

    @property
    def accepted(self) -> np.ndarray:
        """Indices of accepted terms, variants included."""
        return np.array([index for index, reason in enumerate(self.reason) if reason is None], dtype=np.int64)


def _count_distinct(keys: np.ndarray, others: np.ndarray, num_keys: int) -> np.ndarray:
    pairs = np.sort(keys.astype(np.int64) << 32 | others)  # np.unique would hash: slower for integers
    is_first = np.diff(pairs, prepend=-1) != 0
    return np.bincount(pairs[is_first] >> 32, minlength=num_keys)


def collect_candidates(
    batch: TokenBatch, images: np.ndarray, texts: np.ndarray, language: np.ndarray, max_ngram: int, min_images: int
) -> Candidates:
    """Counts the 1..max_ngram-grams of texts in distinct images.

    Args:
        batch: Tokens of B texts.
        images: int64 [B], below 2**31: the image each text describes.
        texts: int64 [B], below 2**31: equal for equal texts.
        language: int64 [B], the code of each text's language.
        max_ngram: Longest phrase in tokens.
        min_images: Phrases of two and more words on fewer images are not listed; words all are.
    """
    encoded = batch.tokens.dictionary_encode()
    words = encoded.dictionary.to_pylist()
    ids = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    text_of = np.repeat(np.arange(len(batch.offsets) - 1), np.diff(batch.offsets))
    is_word = np.array([word not in ("", BREAK) for word in words], dtype=bool)
    is_name = np.array([any(map(str.isalpha, word)) for word in words], dtype=bool)
    owners = {
        "image": images[text_of],
        "text": number_by_words(ids, texts[text_of], is_name, 1),
        "context": number_by_words(ids, images[text_of], is_name, _CONTEXT_WORDS),
        "language": language[text_of],
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
    pairs = np.sort(owners[named] << 32 | words[named])
    pairs = pairs[np.diff(pairs, prepend=-1) != 0]
    scrambled = np.random.default_rng(0).integers(0, 2**63, len(is_name), dtype=np.uint64)
    signature = np.zeros(int(owners.max()) + 1, dtype=np.uint64)
    np.add.at(signature, pairs >> 32, scrambled[pairs & 0xFFFFFFFF])  # a sum: the order of the words is no matter
    is_short = np.bincount(pairs >> 32, minlength=len(signature)) < min_words
    signature[is_short] = np.flatnonzero(is_short)  # below 2**31: no sum of scrambled words is there
    return np.unique(signature, return_inverse=True)[1][owners]


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
    owners: Mapping[str, np.ndarray],
    max_ngram: int,
    min_images: int,
) -> Candidates:
    terms: list[tuple[str, ...]] = []
    levels: list[dict[str, np.ndarray]] = []
    base, previous_base, length = 0, 0, 1
    position = np.flatnonzero(gram >= 0)
    starts, ends = _phrase_bounds(gram, text_of)
    pair = np.full((len(words), 2), -1, dtype=np.int64)
    while len(position):
        gram, counts, first, pair = _prune(gram, position, owners["image"], pair, 1 if length == 1 else min_images)
        terms.extend(tuple(words[token] for token in ids[start : start + length]) for start in first.tolist())
        position = np.flatnonzero(gram >= 0)
        filling = position[starts[position] & ends[position + length - 1]]
        level = {name: _count_distinct(gram[position], owners[name][position], len(counts)) for name in _COUNTED}
        level["whole"] = _count_distinct(gram[filling], owners["image"][filling], len(counts))
        level["language"] = majority(gram[position], owners["language"][position], len(counts))
        levels.append(level | {"image": counts, "part": np.where(pair >= 0, pair + previous_base, -1)})
        if length == max_ngram or not len(counts):
            break
        previous_base, base = base, base + len(counts)
        length += 1
        gram, position, pair = _pair_up(gram, counts >= min_images, text_of, length)
    return _candidates(terms, levels, int(owners["context"].max(initial=-1)) + 1)


_COUNTED = ("text", "context")


def _candidates(terms: list[tuple[str, ...]], levels: list[dict[str, np.ndarray]], total_contexts: int) -> Candidates:
    def column(name: str) -> np.ndarray:
        return np.concatenate([np.zeros(0, np.int64), *(level[name] for level in levels)])

    return Candidates(
        terms=terms,
        num_images=column("image"),
        num_whole=column("whole"),
        num_texts=column("text"),
        num_contexts=column("context"),
        language=column("language"),
        parts=np.concatenate([np.zeros((0, 2), np.int64), *(level["part"] for level in levels)]),
        total_contexts=total_contexts,
    )


def majority(item: np.ndarray, code: np.ndarray, num_items: int) -> np.ndarray:
    """int64 [num_items]: the code most often seen with each item, the smallest of equals; -1 for none."""
    width = int(code.max(initial=0)) + 1
    keys, counts = np.unique(item.astype(np.int64) * width + code, return_counts=True)
    order = np.lexsort((keys, -counts, keys // width))
    items, first = np.unique(keys[order] // width, return_index=True)
    best = np.full(num_items, -1, dtype=np.int64)
    best[items] = keys[order][first] % width
    return best


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


def build_dictionary(candidates: Candidates, config: LabelsConfig, lists: Lists) -> Dictionary:
    """Filters candidates into a dictionary.

    Args:
        candidates: Counted phrases.
        config: Limits.
        lists: Words and phrases that are known to be something; the user's are added where no text has them.
    """
    wanted = {*lists.terms, *lists.variants, *lists.variants.values()}
    known = set(candidates.terms)
    listed = [*lists.terms, *lists.variants, *lists.variants.values(), *lists.rejected]
    missing = [term for term in dict.fromkeys(listed) if term not in known]
    reasons = _reject_all(candidates, config, lists, wanted)
    terms = candidates.terms + missing
    counts = np.concatenate([candidates.num_images, np.zeros(len(missing), dtype=np.int64)])
    reasons += ["user" if term in lists.rejected else None for term in missing]
    slips = {
        index: right
        for index, right in _misspellings(terms, candidates, reasons).items()
        if reasons[right] is None and terms[index] not in wanted
    }
    for index in slips:
        reasons[index] = "misspelling"
    language = np.concatenate([candidates.language, np.full(len(missing), -1, dtype=np.int64)])
    canonical = find_canonical(terms, counts, language, reasons, lists.variants)
    for index, right in slips.items():
        canonical[index] = canonical[right]
    return Dictionary(
        terms=terms,
        num_images=counts,
        reason=reasons,
        canonical=canonical,
        language=language,
    )


def _misspellings(
    terms: Sequence[tuple[str, ...]], candidates: Candidates, reasons: Sequence[str | None]
) -> dict[int, int]:
    """Misspelt single words by index, with the index of the word each stands for."""
    single = [
        index for index in range(len(candidates.terms)) if len(terms[index]) == 1 and reasons[index] in (None, "rare")
    ]
    found = find_misspellings([terms[index][0] for index in single], candidates.num_contexts[single].tolist())
    return {single[wrong]: single[right] for wrong, right in found.items()}


def _reject_all(
    candidates: Candidates, config: LabelsConfig, lists: Lists, wanted: set[tuple[str, ...]]
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
    if contexts > config.max_image_share * candidates.total_contexts:
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

    NPMI is 1 for parts that never occur apart and 0 for parts that meet by chance (Bouma 2009).
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
    return together < 1 and math.log(lift) >= -_MIN_NPMI * math.log(together)
