"""The feature table of post annotations: one row per (post, term), as in Pinterest's annotation system.

Counting features are integers or maxima, and floats are rounded, so that the table does not depend on the
order of the signals.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from vitrail.labels.arrays import run_starts, sort_groups, sort_keys
from vitrail.labels.dictionary.terms import Terms

__all__ = [
    "FEATURES",
    "SOURCE_KINDS",
    "Annotations",
    "Mentions",
    "build_annotations",
    "encode_sorted",
    "unpack_mentions",
]

SOURCE_KINDS = ("title", "description", "alt_text", "keyword", "board", "query", "url")  # others are of no kind
FEATURES = (
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
    *(f"in_{kind}" for kind in SOURCE_KINDS),  # 1 when a source of this kind says it
)
_MAX_SOURCES = 256
_COSINE_BLOCK = 16_384  # annotations at once, so that their vectors stay in the processor's cache
_VECTOR_SCALE = 64  # vectors as small integers in float32: their sums are exact in any order


@dataclass(frozen=True, kw_only=True)
class Mentions:
    """M matches of a shard with what their signals say; posts are numbered in the order of (image, post id)."""

    signal: np.ndarray  # int64 [M]
    term: np.ndarray  # int64 [M]
    is_nested: np.ndarray  # bool [M]
    row: np.ndarray  # int64 [S] image row inside the shard, per signal
    post: np.ndarray  # int64 [S] ascends with the row
    source: np.ndarray  # int64 [S]
    kind: np.ndarray  # uint8 [S] bit of the source's place in SOURCE_KINDS
    trust: np.ndarray  # float64 [S]
    num_tokens: np.ndarray  # int64 [S]


@dataclass(frozen=True, kw_only=True)
class Annotations:
    """A annotations (post, term), ordered by post, then term."""

    post: np.ndarray  # int64 [A]
    term: np.ndarray  # int64 [A]
    row: np.ndarray  # int64 [A]
    features: np.ndarray  # float32 [A, len(FEATURES)]
    mention: np.ndarray  # int64 [M] mentions by annotation, then source, then signal
    starts: np.ndarray  # int64 [A] where those of each annotation begin


def unpack_mentions(signals: pa.RecordBatch, first_row: int, source_weights: dict[str, float]) -> Mentions:
    """Arrays of the spilled signals of one shard; weights are clipped to [0, 1]."""
    terms, nested = signals["terms"], signals["nested"]
    row = signals["row"].to_numpy() - first_row
    source = encode_sorted(signals["source"])
    names = source.dictionary.to_pylist()
    code = source.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    kind = np.array([_kind_bit(name) for name in names] or [0], dtype=np.uint8)[code]
    trust = np.array([source_weights.get(name, 1.0) for name in names] or [1.0])[code]
    weight = np.clip(np.nan_to_num(signals["weight"].to_numpy(), nan=0.0), 0, 1).astype(np.float64)
    lengths = pc.list_value_length(terms).to_numpy(zero_copy_only=False)
    post_code = encode_sorted(signals["post_id"]).indices.to_numpy(zero_copy_only=False)
    return Mentions(
        signal=np.repeat(np.arange(len(row)), lengths),
        term=terms.flatten().to_numpy(zero_copy_only=False).astype(np.int64),
        is_nested=nested.flatten().to_numpy(zero_copy_only=False),
        row=row,
        post=_number(row << 32 | post_code),
        source=np.minimum(code, _MAX_SOURCES - 1),
        kind=kind,
        trust=trust * weight,
        num_tokens=signals["num_tokens"].to_numpy().astype(np.int64),
    )


def encode_sorted(values: pa.Array) -> pa.DictionaryArray:
    """Dictionary form, the dictionary in ascending order: codes (int64) do not depend on the order of arrival."""
    encoded = values.dictionary_encode()
    order = pc.array_sort_indices(encoded.dictionary)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order.to_numpy()] = np.arange(len(order))
    codes = rank[encoded.indices.to_numpy(zero_copy_only=False)]
    return pa.DictionaryArray.from_arrays(pa.array(codes), encoded.dictionary.take(order))


def _kind_bit(source: str) -> int:
    return 1 << SOURCE_KINDS.index(source) if source in SOURCE_KINDS else 0


def _number(key: np.ndarray) -> np.ndarray:
    """Dense numbers in the order of the keys."""
    order, starts = sort_groups(key)
    is_first = np.zeros(len(key), dtype=np.int64)
    is_first[starts] = 1
    number = np.empty(len(key), dtype=np.int64)
    number[order] = np.cumsum(is_first) - 1
    return number


def build_annotations(mentions: Mentions, terms: Terms) -> Annotations:
    """Groups mentions by (post, term) and computes FEATURES."""
    signal = mentions.signal
    term_bits, source_bits = len(terms.term).bit_length(), int(mentions.source.max(initial=0)).bit_length()
    pair = mentions.post[signal] << term_bits | mentions.term
    order, key = sort_keys(pair << source_bits | mentions.source[signal])
    pair = key >> source_bits
    source_starts = run_starts(key)
    first_source = run_starts(pair[source_starts])
    starts = source_starts[first_source]
    post, term = pair >> term_bits, pair & ((1 << term_bits) - 1)  # by bits: a division takes ten times as long
    signal, nested = signal[order], mentions.is_nested[order]
    num_mentions = np.diff(starts, append=len(key))
    sources = np.diff(first_source, append=len(source_starts))
    length = np.maximum(mentions.num_tokens, 1).astype(np.float32)
    coverage = np.minimum(terms.num_tokens.astype(np.float32)[term] / length[signal], 1)
    repeated, owner = _repetitions(num_mentions)
    first_term, first_post = term[starts], post[starts]
    post_sources = _sources_per_post(mentions)
    post_mentions = np.bincount(post, minlength=len(post_sources))
    specificity = terms.specificity[first_term]
    columns = (
        num_mentions,
        sources,
        sources / post_sources[first_post],
        _fold(np.maximum, mentions.trust.astype(np.float32)[signal], starts, repeated, owner),
        _fold(np.maximum, coverage, starts, repeated, owner),
        _fold(np.logical_and, nested, starts, repeated, owner),
        num_mentions / post_mentions[first_post] * specificity,
        specificity,
        terms.entropy[first_term],
        terms.query_rate[first_term],
        _cosine(first_post, first_term, terms.vector),
    )
    table = np.empty((len(starts), len(FEATURES)), dtype=np.float32, order="F")  # written and scored by column
    for index, column in enumerate(columns):
        table[:, index] = column
    kinds = _fold(np.bitwise_or, mentions.kind[signal], starts, repeated, owner)
    for index in range(len(SOURCE_KINDS)):
        np.bitwise_and(kinds >> index, 1, out=table[:, len(columns) + index], casting="unsafe")
    return Annotations(
        post=first_post,
        term=first_term,
        row=mentions.row[signal[starts]],
        features=table,
        mention=order,
        starts=starts,
    )


def _repetitions(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the mentions that are not the first of their group, and their groups: few, groups of one abound."""
    large = np.flatnonzero(counts > 1)
    extra = counts[large] - 1
    owner = np.repeat(large, extra)
    firsts = np.cumsum(counts)[large] - extra
    return np.repeat(firsts - (np.cumsum(extra) - extra), extra) + np.arange(len(owner)), owner


def _fold(
    operation: np.ufunc, values: np.ndarray, starts: np.ndarray, repeated: np.ndarray, owner: np.ndarray
) -> np.ndarray:
    """Reduces the values of each group; the same as `reduceat`, which is slow on groups of one."""
    result = values[starts]
    operation.at(result, owner, values[repeated])
    return result


def _sources_per_post(mentions: Mentions) -> np.ndarray:
    """Number of sources of each post among the signals that matched."""
    key = np.sort(mentions.post * _MAX_SOURCES + mentions.source, kind="stable")
    distinct = key[run_starts(key)]
    return np.maximum(np.bincount(distinct // _MAX_SOURCES), 1)


def _cosine(post: np.ndarray, term: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Cosine of each term's vector and the sum of those of the other terms of its post, 0 where it is alone."""
    own = np.rint(np.asarray(vectors) * _VECTOR_SCALE).astype(np.float32)
    size = np.einsum("td,td->t", own, own)[term]
    num_posts = int(post.max(initial=-1)) + 1
    ones = np.ones(len(post), dtype=np.float32)
    bounds = np.concatenate([[0], np.cumsum(np.bincount(post, minlength=num_posts))])
    total = sparse.csr_matrix((ones, term, bounds), shape=(num_posts, len(own))) @ own
    dot = np.empty(len(post), dtype=np.float32)
    for start in range(0, len(post), _COSINE_BLOCK):
        block = slice(start, start + _COSINE_BLOCK)
        np.einsum("ad,ad->a", own.take(term[block], axis=0), total.take(post[block], axis=0), out=dot[block])
    dot -= size
    others = np.einsum("pd,pd->p", total, total)[post] - 2 * dot - size
    norm = np.sqrt(np.maximum(others, 0) * size)
    return np.divide(dot, norm, out=np.zeros_like(dot), where=norm > 0).round(4)
