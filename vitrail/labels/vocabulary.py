"""From a sample of the corpus' texts to the dictionary, its terms and the labels they are grouped into."""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from vitrail.contracts.labels import DICTIONARY_SCHEMA
from vitrail.errors import LabelError
from vitrail.labels.config import LabelsConfig
from vitrail.labels.dictionary import Dictionary, Lists, build_dictionary, collect_candidates, majority
from vitrail.labels.generic_words import is_generic_word
from vitrail.labels.grouping import group_terms
from vitrail.labels.language import UNKNOWN, identify_languages
from vitrail.labels.matching import Matcher
from vitrail.labels.normalise import TokenBatch, join_term, tokenise
from vitrail.labels.statistics import (
    QUERY_SOURCE,
    category_entropy,
    language_specificity,
    query_rate,
    term_vectors,
)
from vitrail.labels.stop_words import is_stop_word
from vitrail.labels.terms import Terms
from vitrail.labels.user_files import read_user_files

__all__ = ["Vocabulary", "build_vocabulary"]


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """S surface forms that are matched in texts, the terms they count as, and the dictionary's record."""

    surfaces: list[tuple[str, ...]]
    term_of_surface: np.ndarray  # int64 [S]
    terms: Terms
    dictionary: pa.Table  # DICTIONARY_SCHEMA


def build_vocabulary(sample: pa.Table, rows: np.ndarray, config: LabelsConfig) -> Vocabulary:
    """Builds dictionary and labels from sampled signals in a canonical order.

    Args:
        sample: Columns text, source, language.
        rows: int64, the image each text describes; none is negative.
        config: Limits and clustering.

    Raises:
        LabelError: No phrase is left: there is no text, or the filters take it all.
    """
    images, image_of = np.unique(rows, return_inverse=True)
    batch = tokenise(sample["text"].combine_chunks())
    texts = sample["text"].combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
    language, known = _languages(sample)
    candidates = collect_candidates(batch, image_of, texts, language, config.max_ngram, config.min_term_images)
    dictionary = build_dictionary(candidates, config, _lists(batch, language, known, config))
    accepted = dictionary.accepted
    if not len(accepted):
        counts = Counter(dictionary.reason).most_common()
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in counts) or "there is none"
        raise LabelError(
            f"no phrase of {len(sample):,} texts on {len(images):,} images became a term ({reasons}): "
            f"min_term_images={config.min_term_images} images must share one; add text or dictionary_files"
        )
    surfaces = [dictionary.terms[index] for index in accepted]
    matches = Matcher(surfaces).find(batch)
    kept, term_of_surface = np.unique(dictionary.canonical[accepted], return_inverse=True)
    terms = _describe_terms(
        [dictionary.terms[index] for index in kept],
        term_of_surface[matches.term],
        matches.text,
        image_of,
        np.array(sample["source"].to_pylist(), dtype=object) == QUERY_SOURCE,
        language,
        known,
        config,
    )
    return Vocabulary(
        surfaces=surfaces,
        term_of_surface=term_of_surface,
        terms=terms,
        dictionary=_dictionary_table(dictionary, known, len(images)),
    )


def _describe_terms(
    tokens: list[tuple[str, ...]],
    term: np.ndarray,
    text: np.ndarray,
    image_of: np.ndarray,
    is_query: np.ndarray,
    language: np.ndarray,
    known: list[str],
    config: LabelsConfig,
) -> Terms:
    image = image_of[text]
    num_terms, num_images = len(tokens), int(image_of.max()) + 1
    pairs = np.unique(term << 32 | image)
    asked = is_query[text]
    query_pairs = np.unique(term[asked] << 32 | image[asked])
    names = [join_term(list(words)) for words in tokens]
    languages = _majority(term, language[text], num_terms, known)
    codes = np.unique(languages, return_inverse=True)[1]
    counts = np.bincount(pairs >> 32, minlength=num_terms)
    vectors, image_vectors = term_vectors(pairs, num_terms, num_images)
    labels, closeness = group_terms(names, languages, pairs, vectors, config)
    return Terms(
        term=names,
        language=languages,
        num_images=counts,
        num_tokens=np.array([len(words) for words in tokens], dtype=np.int64),
        specificity=language_specificity(counts, codes, num_images),
        entropy=category_entropy(pairs, image_vectors, num_terms),
        query_rate=query_rate(pairs, query_pairs, num_terms),
        vector=vectors,
        label=labels,
        closeness=closeness,
    )


def _languages(sample: pa.Table) -> tuple[np.ndarray, list[str]]:
    """Language codes of the texts: numbers into the sorted list of languages."""
    names = identify_languages(sample["text"].to_pylist(), sample["language"].to_pylist())
    known = sorted(set(names))
    code = {name: index for index, name in enumerate(known)}
    return np.array([code[name] for name in names], dtype=np.int64), known


def _lists(batch: TokenBatch, language: np.ndarray, known: list[str], config: LabelsConfig) -> Lists:
    """What is known of words, by the language each is mostly used in: "die" is a stop word in German only."""
    encoded = batch.tokens.dictionary_encode()
    words = encoded.dictionary.to_pylist()
    text = np.repeat(language, np.diff(batch.offsets))
    languages = _majority(encoded.indices.to_numpy(zero_copy_only=False), text, len(words), known)
    named = list(zip(words, languages, strict=True))
    user = read_user_files(config.dictionary_files)
    return replace(
        user,
        stop_words=frozenset(word for word, name in named if is_stop_word(word, name)),
        generic_words=frozenset(word for word, name in named if is_generic_word(word, name)),
    )


def _majority(item: np.ndarray, language: np.ndarray, num_items: int, known: list[str]) -> list[str]:
    """The most frequent language of the texts each item was found in, `und` when it was not."""
    return [known[code] if code >= 0 else UNKNOWN for code in majority(item, language, num_items).tolist()]


def _dictionary_table(dictionary: Dictionary, known: list[str], num_images: int) -> pa.Table:
    texts = [join_term(list(term)) for term in dictionary.terms]
    idf = np.log(num_images / np.maximum(dictionary.num_images, 1)).astype(np.float32)
    return pa.table(
        {
            "term": texts,
            "canonical": [texts[index] for index in dictionary.canonical],
            "language": [known[code] if code >= 0 else UNKNOWN for code in dictionary.language.tolist()],
            "num_images": pa.array(dictionary.num_images, pa.int64()),
            "idf": pa.array(idf),
            "reason": pa.array(dictionary.reason, pa.string()),
        },
        schema=DICTIONARY_SCHEMA,
    )
