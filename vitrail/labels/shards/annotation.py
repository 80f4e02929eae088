"""Annotation: from a batch of raw signals to the numbers of the terms that each says."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vitrail.labels.arrays import list_array, positions_in_rows, row_of_each, to_offsets
from vitrail.labels.shards.image_rows import ImageLookup
from vitrail.labels.text.matching import Matches
from vitrail.labels.text.normalise import BREAK, TokenBatch, is_too_long, tokenise
from vitrail.labels.text.shared_texts import SharedTexts
from vitrail.labels.text.surfaces import Surfaces

__all__ = ["SIGNAL_COLUMNS", "annotate"]

SIGNAL_COLUMNS = ("image_id", "post_id", "source", "text", "weight", "language")


def annotate(
    columns: dict[str, pa.Array], surfaces: Surfaces, shared: SharedTexts, lookup: ImageLookup
) -> tuple[pa.Table, Counter[str]]:
    """Annotates one batch of signals.

    Args:
        columns: SIGNAL_COLUMNS of B signals.
        surfaces: Of the dictionaries.
        shared: The texts that several images have.
        lookup: Of the corpus.

    Returns:
        A table with a row per signal that matched (row, post_id, source, weight, ownness, num_tokens, terms,
        nested), ordered by row, and the number of signals that were skipped, or cut, by reason.
    """
    rows = lookup.find(columns["image_id"])
    tokens = tokenise(columns["text"])
    matches = surfaces.find(tokens, columns["language"])
    num_matches = np.bincount(matches.text, minlength=len(rows))
    kept = np.flatnonzero((rows >= 0) & (num_matches > 0))
    kept = kept[np.argsort(rows[kept], kind="stable")]
    skipped = _count_skipped(columns["text"], rows, tokens, num_matches)
    ownness = shared.find(columns["text"].take(pa.array(kept)))
    return _spill_table(columns, rows, kept, ownness, tokens, matches, num_matches), skipped


def _count_skipped(texts: pa.Array, rows: np.ndarray, tokens: TokenBatch, num_matches: np.ndarray) -> Counter[str]:
    is_known, is_null = rows >= 0, pc.is_null(texts).to_numpy(zero_copy_only=False)
    has_words = num_matches > 0
    unmatched = np.flatnonzero(~has_words)
    has_words[unmatched] = _have_words(tokens, unmatched)
    masks = {
        "unknown_image": ~is_known,
        "null_text": is_known & is_null,
        "no_words": is_known & ~is_null & ~has_words,
        "no_known_phrase": is_known & has_words & (num_matches == 0),
        "read_in_part": is_known & is_too_long(texts).to_numpy(zero_copy_only=False),
    }
    return Counter({reason: int(mask.sum()) for reason, mask in masks.items() if mask.any()})


def _have_words(tokens: TokenBatch, texts: np.ndarray) -> np.ndarray:
    """bool: whether there is more than punctuation and symbols in these texts (int64, positions in the batch)."""
    counts = tokens.lengths[texts]
    index = positions_in_rows(tokens.offsets[texts], counts)
    is_word = pc.not_equal(tokens.tokens.take(pa.array(index)), BREAK).to_numpy(zero_copy_only=False)
    return np.bincount(row_of_each(counts)[is_word], minlength=len(texts)) > 0


def _spill_table(
    columns: dict[str, pa.Array],
    rows: np.ndarray,
    kept: np.ndarray,
    ownness: np.ndarray,
    tokens: TokenBatch,
    matches: Matches,
    num_matches: np.ndarray,
) -> pa.Table:
    """The kept signals (int64 positions) with their matches, which come in the order of all B signals, as lists."""
    counts = num_matches[kept]
    index = positions_in_rows(to_offsets(num_matches)[kept], counts)
    taken = pa.array(kept)
    return pa.table(
        {
            "row": rows[kept],
            "post_id": columns["post_id"].take(taken).cast(pa.string()).fill_null(""),
            "source": columns["source"].take(taken).cast(pa.string()).fill_null(""),
            "weight": columns["weight"].take(taken).cast(pa.float32()).fill_null(1.0),
            "ownness": ownness,
            "num_tokens": tokens.lengths[kept].astype(np.int32),
            "terms": list_array(counts, pa.array(matches.term[index])),
            "nested": list_array(counts, pa.array(matches.is_nested[index])),
        }
    )
