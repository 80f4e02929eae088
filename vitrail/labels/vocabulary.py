"""From a sample of the corpus' texts to terms and the labels they are grouped into."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from vitrail.errors import LabelError
from vitrail.labels.config import LabelsConfig
from vitrail.labels.dictionary import Dictionary, build_dictionary, collect_candidates
from vitrail.labels.encoder import load_encoder
from vitrail.labels.language import UNKNOWN, identify_languages
from vitrail.labels.matching import Matcher
from vitrail.labels.grouping import group_synonyms, image_overlap, join_translations, translation_links
from vitrail.labels.normalise import join_term, normalise_term, tokenise

__all__ = ["Vocabulary", "build_vocabulary", "read_user_terms"]


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """Terms (canonical forms only), their statistics in the sample, and the label of each.

    S surface forms are matched in texts; each counts as one of T terms; each term belongs to one of L labels.
    """

    surfaces: list[tuple[str, ...]]
    term_of_surface: np.ndarray  # int64 [S]
    terms: list[str]
    language: list[str]
    num_images: np.ndarray  # int64 [T] images of the sample
    label_of_term: np.ndarray  # int64 [T]
    sample_images: int
    dictionary: Dictionary
    dictionary_language: list[str]


def read_user_terms(files: Sequence[str]) -> list[tuple[str, ...]]:
    """Phrases of dictionary files, one a line, normalised.

    Raises:
        LabelError: A file cannot be read or has no phrase.
    """
    terms = []
    for name in files:
        try:
            lines = Path(name).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise LabelError(f"dictionary file {name} cannot be read as UTF-8 text: {error}") from error
        found = [tuple(tokens) for tokens in map(normalise_term, lines) if tokens]
        if not found:
            raise LabelError(f"dictionary file {name} has no phrase; write one a line or leave the file out")
        terms.extend(found)
    return list(dict.fromkeys(terms))


def build_vocabulary(sample: pa.Table, rows: np.ndarray, config: LabelsConfig) -> Vocabulary:
    """Builds dictionary and labels from sampled signals.

    Args:
        sample: Columns text, language.
        rows: int64, the image each text describes; none is negative.
        config: Limits and clustering.

    Raises:
        LabelError: No phrase is left: there is no text, or the filters take it all.
    """
    images, image_of = np.unique(rows, return_inverse=True)
    batch = tokenise(sample["text"].combine_chunks())
    candidates = collect_candidates(batch, image_of, config.max_ngram, config.min_term_images)
    dictionary = build_dictionary(candidates, len(images), config, read_user_terms(config.dictionary_files))
    accepted = dictionary.accepted
    if not len(accepted):
        raise LabelError(
            f"no phrase of {len(sample):,} texts on {len(images):,} images became a term; at least {config.min_term_images} "
            "images must share one (min_term_images), or give dictionary_files"
        )
    matches = Matcher([dictionary.terms[index] for index in accepted]).find(batch)
    languages = _languages(sample)
    surface_language = _majority(matches.term, languages[0][matches.text], len(accepted), languages[1])
    kept, term_of_surface = np.unique(dictionary.canonical[accepted], return_inverse=True)
    term = term_of_surface[matches.term]
    pairs = np.unique(term << 32 | image_of[matches.text])
    names = [join_term(list(dictionary.terms[index])) for index in kept]
    term_language = _majority(term, languages[0][matches.text], len(kept), languages[1])
    label_of_term = group_terms(names, term_language, pairs, config)
    return Vocabulary(
        surfaces=[dictionary.terms[index] for index in accepted],
        term_of_surface=term_of_surface,
        terms=names,
        language=term_language,
        num_images=np.bincount(pairs >> 32, minlength=len(kept)),
        label_of_term=label_of_term,
        sample_images=len(images),
        dictionary=dictionary,
        dictionary_language=_spread(accepted, surface_language, len(dictionary.terms)),
    )


def _languages(sample: pa.Table) -> tuple[np.ndarray, list[str]]:
    """Language codes of the texts (numbers into the sorted list of languages)."""
    texts = [text or "" for text in sample["text"].to_pylist()]
    names = identify_languages(texts, sample["language"].to_pylist())
    known = sorted(set(names))
    code = {name: index for index, name in enumerate(known)}
    return np.array([code[name] for name in names], dtype=np.int64), known


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


def _spread(accepted: np.ndarray, languages: list[str], size: int) -> list[str]:
    spread = [UNKNOWN] * size
    for index, language in zip(accepted.tolist(), languages, strict=True):
        spread[index] = language
    return spread


def group_terms(
    names: list[str], languages: list[str], pairs: np.ndarray, config: LabelsConfig
) -> np.ndarray:
    """The label number of each term; `pairs` are distinct term << 32 | image."""
    if config.clustering == "none":
        return np.arange(len(names))
    overlap = image_overlap(pairs, len(names))
    is_encoded = np.array([language in config.encoder_languages for language in languages])
    codes = np.unique(languages, return_inverse=True)[1]
    labels = group_synonyms(
        overlap,
        names,
        is_encoded,
        lambda texts: load_encoder(config.encoder).encode(texts),
        config.cluster_threshold,
    )
    return join_translations(labels, translation_links(overlap, codes), is_encoded)
