"""From a sample of the corpus' texts to the dictionary, its terms and the labels they are grouped into."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from vitrail.contracts.labels import DICTIONARY_SCHEMA
from vitrail.errors import LabelError
from vitrail.labels.config import LabelsConfig
from vitrail.labels.dictionary import Dictionary, build_dictionary, collect_candidates
from vitrail.labels.grouping import group_terms
from vitrail.labels.language import UNKNOWN, identify_languages
from vitrail.labels.matching import Matcher
from vitrail.labels.normalise import TokenBatch, join_term, normalise_terms, tokenise
from vitrail.labels.statistics import (
    QUERY_SOURCE,
    category_entropy,
    language_specificity,
    query_rate,
    term_vectors,
)
from vitrail.labels.stop_words import is_stop_word
from vitrail.labels.terms import Terms

__all__ = ["Vocabulary", "build_vocabulary", "read_user_terms"]


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """S surface forms that are matched in texts, the terms they count as, and the dictionary's record."""

    surfaces: list[tuple[str, ...]]
    term_of_surface: np.ndarray  # int64 [S]
    terms: Terms
    dictionary: pa.Table  # DICTIONARY_SCHEMA


def read_user_terms(files: Sequence[str]) -> list[tuple[str, ...]]:
    """Phrases of dictionary files, one a line, normalised.

    Raises:
        LabelError: A file cannot be read or has no phrase.
    """
    terms: list[tuple[str, ...]] = []
    for name in files:
        try:
            lines = Path(name).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise LabelError(f"dictionary file {name} cannot be read as UTF-8 text: {error}") from error
        found = normalise_terms(lines)
        if not found:
            raise LabelError(f"dictionary file {name} has no phrase; write one a line or leave the file out")
        terms.extend(found)
    return list(dict.fromkeys(terms))


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
    candidates = collect_candidates(batch, image_of, texts, config.max_ngram, config.min_term_images)
    language, known = _languages(sample)
    stop_words = _stop_words(batch, language, known)
    user_terms = read_user_terms(config.dictionary_files)
    dictionary = build_dictionary(candidates, len(images), config, stop_words, user_terms)
    accepted = dictionary.accepted
    if not len(accepted):
        raise LabelError(
            f"no phrase of {len(sample):,} texts on {len(images):,} images became a term: "
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
    surface_language = _majority(matches.term, language[matches.text], len(accepted), known)
    return Vocabulary(
        surfaces=surfaces,
        term_of_surface=term_of_surface,
        terms=terms,
        dictionary=_dictionary_table(dictionary, surface_language, len(images)),
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


def _stop_words(batch: TokenBatch, language: np.ndarray, known: list[str]) -> set[str]:
    """Stop words, by the language each word is mostly used in: "die" is one in German only."""
    encoded = batch.tokens.dictionary_encode()
    words = encoded.dictionary.to_pylist()
    text = np.repeat(language, np.diff(batch.offsets))
    languages = _majority(encoded.indices.to_numpy(zero_copy_only=False), text, len(words), known)
    return {word for word, name in zip(words, languages, strict=True) if is_stop_word(word, name)}


def _majority(item: np.ndarray, language: np.ndarray, num_items: int, known: list[str]) -> list[str]:
    """The most frequent language of the texts each item was found in, `und` when it was not."""
    keys, counts = np.unique(item.astype(np.int64) * len(known) + language, return_counts=True)
    best = [UNKNOWN] * num_items
    most = np.zeros(num_items, dtype=np.int64)
    for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
        index, code = divmod(key, len(known))
        if count > most[index]:
            most[index], best[index] = count, known[code]
    return best


def _dictionary_table(dictionary: Dictionary, languages: list[str], num_images: int) -> pa.Table:
    texts = [join_term(list(term)) for term in dictionary.terms]
    language = dict(zip(dictionary.accepted.tolist(), languages, strict=True))
    idf = np.log(num_images / np.maximum(dictionary.num_images, 1)).astype(np.float32)
    return pa.table(
        {
            "term": texts,
            "canonical": [texts[index] for index in dictionary.canonical],
            "language": [language.get(index, UNKNOWN) for index in range(len(texts))],
            "num_images": pa.array(dictionary.num_images, pa.int64()),
            "idf": pa.array(idf),
            "reason": pa.array(dictionary.reason, pa.string()),
        },
        schema=DICTIONARY_SCHEMA,
    )
