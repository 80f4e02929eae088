"""Frequent terms that say nothing of what a picture shows: names of collections, and marks of variants.

What is on pictures of everything comes with as many different words as pictures taken at random do: `find_empty_terms`
compares the two (rarefaction, Hurlbert 1971). "Animals" has the words of animals only; the name of an icon set has all.
That alone does not tell it from "red". So a term must also be the mark of something else than the picture:

    collection  nearly all of its pictures have it from a kind of text that has one value for a picture and the same for
                many: a board, a set, an uploader
    variant     what is left of its texts without it is the whole text of other pictures: "house outline" of "house",
                "waving hand: medium skin tone" of "waving hand"; it marks very many things, or things of all kinds

What lies on nearly the same pictures as such a term says the same of them, in another language mostly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vitrail.labels.arrays import drop_repeats, positions_in_rows, run_lengths, run_starts, to_offsets
from vitrail.labels.clustering.grouping import image_overlap
from vitrail.labels.text.matching import Matcher
from vitrail.labels.text.passages import Passages

__all__ = ["MIN_IMAGES", "TextTable", "find_empty_terms"]

MIN_IMAGES = 50
_MIN_SHARE = 0.01  # of the images; what fewer have names something, if only a model of it
_MIN_SPREAD = 0.75  # different words of its images, over those of as many random ones
_MIN_COLLECTION_SHARE = 0.9  # of its images that have it from their collection
_MIN_VARIANT_SHARE = 0.6  # of its texts that are others' with it added
_MIN_VARIANTS = 20  # different things that it marks, and either
_MIN_VARIANTS_PER_IMAGE = 0.015  # so many that it is no thing itself: "arrow" of "left", "rabbit" of "face", or
_MIN_VARIANT_SPREAD = 0.6  # different words of its images, over those of as many random ones
_MIN_SAME = 0.9  # cosine of its images and those of an empty term
_SHARED_BY = 20  # images that a value of a collection has on average


@dataclass(frozen=True, kw_only=True)
class TextTable:
    """B texts with what they are of."""

    image: np.ndarray  # int64 [B]
    source: np.ndarray  # int64 [B] kind of text
    value: np.ndarray  # int64 [B] equal for equal texts


def find_empty_terms(terms: Sequence[tuple[str, ...]], passages: Passages, texts: TextTable) -> dict[int, str]:
    """Positions of the terms that are empty, with the reason: "collection" or "variant".

    Args:
        terms: T phrases.
        passages: Of B texts.
        texts: These texts.
    """
    matches = Matcher(terms).find(passages.batch)
    term, passage = matches.term.astype(np.int64), matches.text
    image = texts.image[passages.text[passage]]
    pairs = np.unique(term << 32 | image)
    num_images = np.bincount(pairs >> 32, minlength=len(terms))
    total = len(np.unique(texts.image[passages.text]))
    is_frequent = num_images >= max(MIN_IMAGES, _MIN_SHARE * total)
    if not is_frequent.any():
        return {}
    is_kept = is_frequent[term]
    is_outer = ~matches.is_nested[is_kept]  # "medium dark skin tone" is none of "dark skin tone"
    term, passage, image, pairs = term[is_kept], passage[is_kept], image[is_kept], pairs[is_frequent[pairs >> 32]]
    from_collection = _in_collections(passages, texts)[passages.text[passage]]
    collected = np.bincount(np.unique(term[from_collection] << 32 | image[from_collection]) >> 32, minlength=len(terms))
    is_collected = is_frequent & (collected >= _MIN_COLLECTION_SHARE * num_images)
    whole, rest = _take_away(term, passage, terms, passages)
    marked = np.maximum(
        _count_marked(term, whole, rest, len(terms)),
        _count_marked(term[is_outer], whole[is_outer], rest[is_outer], len(terms)),
    )
    is_mark = is_frequent & (marked >= _MIN_VARIANTS)
    spread = _spread(pairs[(is_collected | is_mark)[pairs >> 32]], passages, texts, len(terms))
    is_collection = is_collected & (spread >= _MIN_SPREAD)
    is_variant = is_mark & ((spread >= _MIN_VARIANT_SPREAD) | (marked >= _MIN_VARIANTS_PER_IMAGE * total))
    overlap = image_overlap(pairs, len(terms))
    is_same = overlap.data >= _MIN_SAME
    row, column = overlap.row[is_same], overlap.col[is_same]
    found: dict[int, str] = {}
    for reason, is_empty in {"variant": is_variant, "collection": is_collection}.items():
        found |= dict.fromkeys([*np.flatnonzero(is_empty).tolist(), *row[is_empty[column]].tolist()], reason)
    return found | dict.fromkeys(_combine_marks(terms, found), "variant")


def _combine_marks(terms: Sequence[tuple[str, ...]], found: Mapping[int, str]) -> list[int]:
    """Positions of the terms whose every word is a mark of variants: "outline sharp"."""
    marks = {terms[index] for index, reason in found.items() if reason == "variant"}
    return [index for index, term in enumerate(terms) if len(term) > 1 and all((word,) in marks for word in term)]


def _spread(pairs: np.ndarray, passages: Passages, texts: TextTable, num_terms: int) -> np.ndarray:
    """float64 [T]: different words on the images of each term, over those expected on as many random images.

    Args:
        pairs: int64, term << 32 | image, distinct and ascending.
        passages: Of the texts.
        texts: Of the images.
        num_terms: T.
    """
    encoded = passages.batch.tokens.dictionary_encode()
    word = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    image = texts.image[passages.text[passages.batch.text_of_token]]
    said = drop_repeats(np.sort(image << 32 | word))
    images, offsets = np.unique(said >> 32), to_offsets(np.bincount(said >> 32))
    word = said & 0xFFFFFFFF
    frequencies, num_words = np.unique(np.bincount(word), return_counts=True)
    spread = np.zeros(num_terms)
    starts = run_starts(pairs >> 32)
    for start, length in zip(starts.tolist(), run_lengths(starts, len(pairs)).tolist(), strict=True):
        own = pairs[start : start + length] & 0xFFFFFFFF
        words = word[positions_in_rows(offsets[own], offsets[own + 1] - offsets[own])]
        expected = (num_words * (1 - (1 - length / len(images)) ** frequencies)).sum()
        spread[pairs[start] >> 32] = len(np.unique(words)) / expected
    return spread


def _in_collections(passages: Passages, texts: TextTable) -> np.ndarray:
    """Bool [B]: texts of a kind that has one value for an image, which many images share."""
    is_said = np.zeros(len(texts.image), dtype=bool)
    is_said[passages.text] = True
    source, image, value = texts.source[is_said], texts.image[is_said], texts.value[is_said]
    size = int(texts.source.max(initial=0)) + 1
    num_images = np.bincount(np.unique(source << 32 | image) >> 32, minlength=size)
    num_values = np.bincount(np.unique(source << 32 | value) >> 32, minlength=size)
    different = np.unique(np.stack([source << 32 | image, value]), axis=1)[0]
    is_single = np.bincount(different >> 32, minlength=size) == num_images
    return (is_single & (num_images >= _SHARED_BY * num_values))[texts.source]


def _take_away(
    term: np.ndarray, passage: np.ndarray, terms: Sequence[tuple[str, ...]], passages: Passages
) -> tuple[np.ndarray, np.ndarray]:
    """The text of each match, and what is left of it without the term, or 0 where that is no text of its own.

    Texts are told by the sum of random numbers of their words (uint64 [M]). Where the term is in a passage beside
    others, the whole passage counts as added.

    Args:
        term: int64 [M], of each match.
        passage: int64 [M].
        terms: T.
        passages: Of the texts.
    """
    encoded = passages.batch.tokens.dictionary_encode()
    number = {word: index for index, word in enumerate(encoded.dictionary.to_pylist())}
    scrambled = np.random.default_rng(0).integers(0, 2**63, len(number) + 1, dtype=np.uint64)
    of_passage = np.add.reduceat(scrambled[encoded.indices.to_numpy(zero_copy_only=False)], passages.batch.offsets[:-1])
    of_text = np.zeros(int(passages.text.max(initial=-1)) + 1, dtype=np.uint64)
    np.add.at(of_text, passages.text, of_passage)
    of_term = np.array(
        [sum(int(scrambled[number.get(word, -1)]) for word in words) % 2**64 for words in terms], np.uint64
    )
    has_others = np.bincount(passages.text)[passages.text[passage]] > 1
    whole = of_text[passages.text[passage]]
    rest = whole - np.where(has_others, of_passage[passage], of_term[term])
    return whole, np.where(np.isin(rest, of_text), rest, 0)


def _count_marked(term: np.ndarray, whole: np.ndarray, rest: np.ndarray, num_terms: int) -> np.ndarray:
    """int64 [T]: how many different texts are others' with the term added, where most of its texts are.

    Args:
        term: int64 [M], of each match.
        whole: uint64 [M] text of each, and
        rest: uint64 [M] what is left of it, as `_take_away` gives them.
        num_terms: T.
    """
    is_variant = rest != 0
    marked = _count_distinct(term[is_variant], rest[is_variant], num_terms)
    variants = _count_distinct(term[is_variant], whole[is_variant], num_terms)
    all_texts = _count_distinct(term, whole, num_terms)
    return np.where(variants >= _MIN_VARIANT_SHARE * np.maximum(all_texts, 1), marked, 0)


def _count_distinct(term: np.ndarray, signature: np.ndarray, num_terms: int) -> np.ndarray:
    """int64 [T]: different signatures (uint64 [N]) of each term (int64 [N])."""
    pairs = np.unique(np.stack([term.astype(np.uint64), signature]), axis=1)
    return np.bincount(pairs[0].astype(np.int64), minlength=num_terms)
