"""The mentions of a shard: every match of a term, with what the signal that it was found in says."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vitrail.contracts.text_sources import source_trust
from vitrail.labels.arrays import dense_ranks, row_of_each

__all__ = ["Mentions", "encode_sorted", "unpack_mentions"]


@dataclass(frozen=True, kw_only=True)
class Mentions:
    """M matches in S signals; posts are numbered in the order of (image, post id), sources in that of their names."""

    signal: np.ndarray  # int64 [M]
    term: np.ndarray  # int64 [M]
    is_nested: np.ndarray  # bool [M]
    row: np.ndarray  # int64 [S] image row inside the shard, per signal
    post: np.ndarray  # int64 [S] ascends with the row
    source: np.ndarray  # int64 [S] place in `sources`
    trust: np.ndarray  # float64 [S]
    ownness: np.ndarray  # float32 [S] how much its text is the picture's own
    num_tokens: np.ndarray  # int64 [S]
    sources: tuple[str, ...]  # names


def unpack_mentions(signals: pa.RecordBatch, first_row: int, source_weights: Mapping[str, float]) -> Mentions:
    """Arrays of the spilled signals of one shard; weights are clipped to [0, 1].

    Args:
        signals: What `annotate` spilled.
        first_row: Row of the shard's first image in the corpus.
        source_weights: Trust in sources, by name, over the declared one.
    """
    row = signals["row"].to_numpy() - first_row
    source = encode_sorted(signals["source"])
    names = source.dictionary.to_pylist()
    code = source.indices.to_numpy(zero_copy_only=False)
    trust = np.array([source_trust(name, source_weights) for name in names] or [1.0])[code]
    weight = np.clip(np.nan_to_num(signals["weight"].to_numpy(), nan=0.0), 0, 1).astype(np.float64)
    post_code = encode_sorted(signals["post_id"]).indices.to_numpy(zero_copy_only=False)
    return Mentions(
        signal=row_of_each(pc.list_value_length(signals["terms"]).to_numpy(zero_copy_only=False)),
        term=signals["terms"].flatten().to_numpy(zero_copy_only=False).astype(np.int64),
        is_nested=signals["nested"].flatten().to_numpy(zero_copy_only=False),
        row=row,
        post=dense_ranks(row << 32 | post_code),
        source=code,
        trust=trust * weight,
        ownness=signals["ownness"].to_numpy(),
        num_tokens=signals["num_tokens"].to_numpy().astype(np.int64),
        sources=tuple(names),
    )


def encode_sorted(values: pa.Array) -> pa.DictionaryArray:
    """Dictionary form, the dictionary in ascending order: codes (int64) do not depend on the order of arrival."""
    encoded = values.dictionary_encode()
    order = pc.array_sort_indices(encoded.dictionary)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order.to_numpy()] = np.arange(len(order))
    codes = rank[encoded.indices.to_numpy(zero_copy_only=False)]
    return pa.DictionaryArray.from_arrays(pa.array(codes), encoded.dictionary.take(order))
