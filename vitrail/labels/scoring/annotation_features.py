"""The features of post annotations: one row per (post, term), as in Pinterest's annotation system.

A feature has a name, and a table holds those that a scorer reads. Counting features are integers or maxima, and floats
are rounded, so that the table does not depend on the order of the signals.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from vitrail.contracts.text_sources import source_names
from vitrail.labels.arrays import (
    drop_repeats,
    fold_groups,
    repetitions,
    row_of_each,
    run_lengths,
    run_starts,
    sort_keys,
    to_offsets,
)
from vitrail.labels.dictionary.terms import Terms
from vitrail.labels.scoring.evidence import ONE, combine, to_evidence
from vitrail.labels.scoring.mentions import Mentions

__all__ = [
    "COUNTED_FEATURES",
    "FIRST_FEATURES",
    "Annotations",
    "build_annotations",
    "feature_names",
    "is_feature",
    "source_feature",
]

FIRST_FEATURES = (  # those of scorers that name none, in their order
    "num_mentions",  # of the term in the post
    "num_sources",  # sources of the post that say it
    "source_share",  # the same over all sources of the post
    "trust",  # largest trust x weight of a source that says it
    "coverage",  # largest share of a text's words that the term takes up
    "is_nested",  # 1 when it occurs only inside longer phrases
    "tf_idf",  # mentions over all mentions in the post, times idf z-score
    "specificity",  # idf, normalised within the language
    "entropy",  # of the topics of the term's images
    "query_rate",  # share of the term's images that queries with it led to
    "cosine",  # of the term's vector and the mean vector of the post's other terms
)
COUNTED_FEATURES = (
    *FIRST_FEATURES,
    "ownness",  # largest of a text that says it: how much the text is the picture's own
    "testimony",  # that a source tells the truth with it, over all sources
)
_SAID_IN = "in_"
_SURE = 0.75  # a text of one picture alone that is just the term is right three times of four
_MAX_SOURCES = 1 << 16  # sources of a shard that are told apart where they are counted
_COSINE_BLOCK = 16_384  # annotations at once, so that their vectors stay in the processor's cache
_LEAST_COVERAGE = 0.01
_VECTOR_SCALE = 64  # vectors as small integers in float32: their sums are exact in any order


@dataclass(frozen=True, kw_only=True)
class Annotations:
    """A annotations (post, term), ordered by post, then term."""

    post: np.ndarray  # int64 [A]
    term: np.ndarray  # int64 [A]
    row: np.ndarray  # int64 [A]
    features: np.ndarray  # float32 [A, F], in the order they were asked for
    mention: np.ndarray  # int64 [M] mentions by annotation, then source, then signal
    starts: np.ndarray  # int64 [A] where those of each annotation begin


def build_annotations(mentions: Mentions, terms: Terms, features: Sequence[str]) -> Annotations:
    """Groups mentions by (post, term) and computes features.

    Args:
        mentions: Of a shard.
        terms: The term table.
        features: Names of F features; `is_feature` holds for each.
    """
    groups = _Groups(mentions, terms)
    table = np.zeros((len(groups.starts), len(features)), dtype=np.float32, order="F")  # written and scored by column
    for index, name in enumerate(features):
        if name in COUNTED_FEATURES:
            table[:, index] = getattr(groups, name)
    groups.mark_sources(table, features)
    return Annotations(
        post=groups.first_post,
        term=groups.first_term,
        row=mentions.row[groups.signal[groups.starts]],
        features=table,
        mention=groups.order,
        starts=groups.starts,
    )


class _Groups:
    """M mentions, sorted by post, term and source, and the A groups of one post and term.

    What is called as one of COUNTED_FEATURES is that feature, [A]; it is computed when it is asked for.
    """

    def __init__(self, mentions: Mentions, terms: Terms) -> None:
        self._mentions, self._terms = mentions, terms
        self._source = np.minimum(mentions.source, _MAX_SOURCES - 1)
        term_bits, source_bits = len(terms.term).bit_length(), int(self._source.max(initial=0)).bit_length()
        pair = mentions.post[mentions.signal] << term_bits | mentions.term
        self.order, key = sort_keys(pair << source_bits | self._source[mentions.signal])
        pair = key >> source_bits
        source_starts = run_starts(key)
        first_source = run_starts(pair[source_starts])
        self._source_starts, self._first_source = source_starts, first_source
        self.starts = source_starts[first_source]
        self.num_mentions = run_lengths(self.starts, len(key))
        self.num_sources = run_lengths(first_source, len(source_starts))
        self.signal = mentions.signal[self.order]
        self._post, self._term = pair >> term_bits, pair & ((1 << term_bits) - 1)  # a division takes ten times as long
        self.first_post, self.first_term = self._post[self.starts], self._term[self.starts]

    @functools.cached_property
    def _repeated(self) -> tuple[np.ndarray, np.ndarray]:
        return repetitions(self.num_mentions)

    def _fold(self, operation: np.ufunc, values: np.ndarray) -> np.ndarray:
        """[A] values of the mentions ([M], in their order here), reduced by group."""
        return fold_groups(operation, values, self.starts, self._repeated)

    @functools.cached_property
    def specificity(self) -> np.ndarray:
        return self._terms.specificity[self.first_term]

    @functools.cached_property
    def _sources_of_post(self) -> np.ndarray:
        """int64 [P]: sources of each post among the signals that matched."""
        key = np.sort(self._mentions.post * _MAX_SOURCES + self._source, kind="stable")  # it comes nearly sorted
        return np.maximum(np.bincount(drop_repeats(key) // _MAX_SOURCES), 1)

    @property
    def source_share(self) -> np.ndarray:
        return self.num_sources / self._sources_of_post[self.first_post]

    @property
    def trust(self) -> np.ndarray:
        return self._fold(np.maximum, self._mentions.trust.astype(np.float32)[self.signal])

    @functools.cached_property
    def _coverage(self) -> np.ndarray:
        """float32 [M]: share of its text's words that the term of each mention takes up."""
        length = np.maximum(self._mentions.num_tokens, 1).astype(np.float32)
        return np.minimum(self._terms.num_tokens.astype(np.float32)[self._term] / length[self.signal], 1)

    @property
    def coverage(self) -> np.ndarray:
        return self._fold(np.maximum, self._coverage)

    @property
    def ownness(self) -> np.ndarray:
        return self._fold(np.maximum, self._mentions.ownness[self.signal])

    @property
    def testimony(self) -> np.ndarray:
        """The noisy-or of its sources: each by its trust, by how much its text is the picture's, and is the term.

        Of the texts of one source the best counts. A tenth of a text still says 0.3 of what a whole one does, and one
        word in a hundred or more 0.18, so that long captions give labels.
        """
        belief = (self._mentions.trust * self._mentions.ownness * _SURE).astype(np.float32)[self.signal]
        coverage = np.maximum(self._coverage, _LEAST_COVERAGE)
        score = np.rint(belief / (1 - np.log(coverage)) * ONE).astype(np.int64)
        lengths = run_lengths(self._source_starts, len(score))
        score = fold_groups(np.maximum, score, self._source_starts, repetitions(lengths))
        total = fold_groups(np.add, to_evidence(score), self._first_source, repetitions(self.num_sources))
        return combine(total) / ONE

    @property
    def is_nested(self) -> np.ndarray:
        return self._fold(np.logical_and, self._mentions.is_nested[self.order])

    @property
    def tf_idf(self) -> np.ndarray:
        post_mentions = np.bincount(self._post, minlength=len(self._sources_of_post))
        return self.num_mentions / post_mentions[self.first_post] * self.specificity

    @property
    def entropy(self) -> np.ndarray:
        return self._terms.entropy[self.first_term]

    @property
    def query_rate(self) -> np.ndarray:
        return self._terms.query_rate[self.first_term]

    @property
    def cosine(self) -> np.ndarray:
        return _cosine(self.first_post, self.first_term, self._terms.vector)

    def mark_sources(self, table: np.ndarray, features: Sequence[str]) -> None:
        """Writes 1 into the columns of sources (float32 [A, F], 0 there) for the groups that such a source mentions."""
        columns = {name: index for index, name in enumerate(features)}
        column = np.array([columns.get(source_feature(name), -1) for name in self._mentions.sources] or [-1])
        if (column < 0).all():
            return
        column = column[self._mentions.source[self.signal]]
        said = np.flatnonzero(column >= 0)
        table[row_of_each(self.num_mentions)[said], column[said]] = 1


def source_feature(source: str) -> str:
    """The feature that is 1 when a source of this name says the term, else 0."""
    return f"{_SAID_IN}{source}"


def feature_names() -> tuple[str, ...]:
    """All features: what is counted, and one for each declared kind of text."""
    return (*COUNTED_FEATURES, *map(source_feature, source_names()))


def is_feature(name: str) -> bool:
    """Whether it can be computed; that of a kind of text that is not declared any more can."""
    return name in COUNTED_FEATURES or name.startswith(_SAID_IN)


def _cosine(post: np.ndarray, term: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Cosine of each term's vector and the sum of those of the other terms of its post, 0 where it is alone."""
    own = np.rint(np.asarray(vectors) * _VECTOR_SCALE).astype(np.float32)
    size = np.einsum("td,td->t", own, own)[term]
    num_posts = int(post.max(initial=-1)) + 1
    ones = np.ones(len(post), dtype=np.float32)
    bounds = to_offsets(np.bincount(post, minlength=num_posts))  # annotations are ordered by post
    total = sparse.csr_matrix((ones, term, bounds), shape=(num_posts, len(own))) @ own
    dot = np.empty(len(post), dtype=np.float32)
    for start in range(0, len(post), _COSINE_BLOCK):
        block = slice(start, start + _COSINE_BLOCK)
        np.einsum("ad,ad->a", own.take(term[block], axis=0), total.take(post[block], axis=0), out=dot[block])
    dot -= size
    others = np.einsum("pd,pd->p", total, total)[post] - 2 * dot - size
    norm = np.sqrt(np.maximum(others, 0) * size)
    return np.divide(dot, norm, out=np.zeros_like(dot), where=norm > 0).round(4)
