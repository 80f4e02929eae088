"""From a sample of the corpus' texts to the dictionaries, their terms and the labels they are grouped into."""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vitrail.contracts.labels import DICTIONARY_SCHEMA
from vitrail.contracts.text_sources import query_names
from vitrail.errors import LabelError
from vitrail.labels.clustering.grouping import group_terms
from vitrail.labels.config import LabelsConfig
from vitrail.labels.dictionary.candidates import collect_candidates
from vitrail.labels.dictionary.dictionaries import Dictionary, build_dictionary, join_dictionaries, reject_forms
from vitrail.labels.dictionary.empty_terms import MIN_IMAGES, TextTable, find_empty_terms
from vitrail.labels.dictionary.function_words import find_stop_words
from vitrail.labels.dictionary.generic_words import is_generic_word
from vitrail.labels.dictionary.term_statistics import (
    category_entropy,
    language_specificity,
    query_rate,
    term_vectors,
)
from vitrail.labels.dictionary.terms import Terms
from vitrail.labels.dictionary.user_files import read_user_files
from vitrail.labels.text.language import identify_languages
from vitrail.labels.text.language_tags import UNKNOWN, primary_language
from vitrail.labels.text.matching import Matches
from vitrail.labels.text.normalise import join_term, tokenise
from vitrail.labels.text.passages import Passages, read_passages
from vitrail.labels.text.shared_texts import SharedTexts, count_shared_texts
from vitrail.labels.text.surfaces import NO_TERM, Surfaces

__all__ = ["Vocabulary", "build_vocabulary"]


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """The surface forms that are matched in texts, the terms they count as, and what else was counted in the sample."""

    surfaces: pa.Table  # the entries of Surfaces
    terms: Terms
    shared_texts: SharedTexts
    dictionary: pa.Table  # DICTIONARY_SCHEMA


def build_vocabulary(sample: pa.Table, rows: np.ndarray, config: LabelsConfig) -> Vocabulary:
    """Builds dictionaries and labels from sampled signals in a canonical order.

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
    told = sample["language"].to_pylist()
    languages = identify_languages(sample["text"].to_pylist(), told)
    is_told = np.array([primary_language(tag) is not None for tag in told], dtype=bool)
    passages = read_passages(batch, languages, is_told)
    source = pc.fill_null(sample["source"].combine_chunks(), "").dictionary_encode().indices.to_numpy()
    table = TextTable(image=image_of, source=source.astype(np.int64), value=texts)
    dictionary = _build_dictionaries(passages, table, config)
    accepted = dictionary.accepted
    if not len(accepted):
        counts = Counter(dictionary.reason).most_common()
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in counts) or "there is none"
        raise LabelError(
            f"no phrase of {len(sample):,} texts on {len(images):,} images became a term ({reasons}): "
            f"min_term_images={config.min_term_images} images must share one; add text or dictionary_files"
        )
    names = [*passages.languages, UNKNOWN]  # the last is that of ANY_LANGUAGE
    kept = np.unique(dictionary.canonical[accepted])
    surfaces = _surfaces_table(dictionary, kept, names)
    terms = _describe_terms(
        [dictionary.terms[index] for index in kept],
        [names[code] for code in dictionary.language[kept]],
        Surfaces(surfaces).find(batch, sample["language"].combine_chunks()),  # as the annotation will read them
        image_of,
        pc.is_in(sample["source"], value_set=pa.array(query_names(), sample["source"].type)).to_numpy(),
        config,
    )
    return Vocabulary(
        surfaces=surfaces,
        terms=terms,
        shared_texts=count_shared_texts(sample["text"].combine_chunks(), image_of),
        dictionary=_dictionary_table(dictionary, names, len(images)),
    )


def _build_dictionaries(passages: Passages, texts: TextTable, config: LabelsConfig) -> Dictionary:
    """A dictionary for each language, from the passages that are in it, and the user's entries; without empty terms."""
    user = read_user_files(config.dictionary_files)
    dictionaries = []
    for code, stop in find_stop_words(passages).items():
        name = passages.languages[code]
        is_own = passages.language == code
        own, text = passages.batch.select(is_own), passages.text[is_own]
        candidates = collect_candidates(
            own, texts.image[text], texts.value[text], config.max_ngram, config.min_term_images
        )
        lists = replace(
            user,
            stop_words=stop.words,
            stop_phrases=stop.phrases,
            generic_words=frozenset(word for word in own.tokens.unique().to_pylist() if is_generic_word(word, name)),
        )
        dictionaries.append(build_dictionary(candidates, code, config, lists))
    dictionary = join_dictionaries(dictionaries, user)
    num_images = Counter[tuple[str, ...]]()
    for index in dictionary.accepted:
        num_images[dictionary.terms[index]] += int(dictionary.num_images[index])
    forms = sorted(form for form, count in num_images.items() if count >= MIN_IMAGES)
    empty = find_empty_terms(forms, passages, texts)
    return reject_forms(dictionary, {forms[place]: reason for place, reason in empty.items()}, user)


def _surfaces_table(dictionary: Dictionary, kept: np.ndarray, names: list[str]) -> pa.Table:
    """The entries of Surfaces; terms are numbered by their place in `kept`."""
    accepted, denied = dictionary.accepted, dictionary.denied
    entries = np.concatenate([accepted, denied])
    term = np.searchsorted(kept, dictionary.canonical[accepted])
    return pa.table(
        {
            "tokens": pa.array([list(dictionary.terms[index]) for index in entries], pa.list_(pa.string())),
            "language": [names[code] for code in dictionary.language[entries]],
            "term": np.concatenate([term, np.full(len(denied), NO_TERM)]),
            "num_images": dictionary.num_images[entries],
        }
    )


def _describe_terms(
    tokens: list[tuple[str, ...]],
    languages: list[str],
    matches: Matches,
    image_of: np.ndarray,
    is_query: np.ndarray,
    config: LabelsConfig,
) -> Terms:
    term, image = matches.term.astype(np.int64), image_of[matches.text]
    num_terms, num_images = len(tokens), int(image_of.max()) + 1
    pairs = np.unique(term << 32 | image)
    asked = is_query[matches.text]
    query_pairs = np.unique(term[asked] << 32 | image[asked])
    names = [join_term(list(words)) for words in tokens]
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


def _dictionary_table(dictionary: Dictionary, names: list[str], num_images: int) -> pa.Table:
    texts = [join_term(list(term)) for term in dictionary.terms]
    idf = np.log(num_images / np.maximum(dictionary.num_images, 1)).astype(np.float32)
    return pa.table(
        {
            "term": texts,
            "canonical": [texts[index] for index in dictionary.canonical],
            "language": [names[code] for code in dictionary.language],
            "num_images": pa.array(dictionary.num_images, pa.int64()),
            "idf": pa.array(idf),
            "reason": pa.array(dictionary.reason, pa.string()),
        },
        schema=DICTIONARY_SCHEMA,
    )
