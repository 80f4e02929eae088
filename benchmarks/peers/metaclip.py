"""MetaCLIP (Xu et al. 2023, arXiv 2309.16671): texts are matched with a dictionary, frequent entries are sampled down.

The paper curates (image, text) pairs: the entries are WordNet's synsets, frequent words, and pairs of words that hardly
occur apart; a text is matched with each entry that it contains as a phrase; an entry that more than t texts match draws
each of them with probability t / its matches, one below t draws all, and a pair that no entry drew is dropped
(sections 3.2 and 3.3). Here the entries that drew a text are the labels of its image. So the balance is in the label
set: no entry has much more than t texts, and an image of which no text was drawn has no label and is skipped.

What differs: words and pairs are counted in the corpus, not in Wikipedia, and there are no titles of Wikipedia; t is
not 20,000 but what leaves rare entries the share of all matches that they have in the paper, since t grows with the
data.
"""

import numpy as np
import polars as pl

from peers.label_set import PeerLabels
from peers.texts import chance, in_english, tokens_of, words_of
from peers.wordnet import WordNet
from vitrail.labels.text.matching import Matcher
from vitrail.labels.text.normalise import BREAK, TokenBatch, join_term, normalise_terms

__all__ = ["bound_pairs", "head_threshold", "metaclip"]

_TAIL_SHARE = 0.06  # of all matches: those of entries with fewer than t
_BOUND = 0.94  # of the greatest mutual information possible: the paper's 30 bits of about 32 in Wikipedia
_Term = tuple[str, ...]


def metaclip(texts: pl.DataFrame, wordnet: WordNet, min_images: int) -> PeerLabels:
    """The entries that drew a text of the image, in equal shares.

    Args:
        texts: From `read_texts`.
        wordnet: From `open_wordnet`.
        min_images: Images that a word must be on to be an entry, and texts that a pair of words must be in.
    """
    pairs = in_english(texts)
    batch = tokens_of(pairs)
    entries = sorted(
        {*filter(None, normalise_terms(sorted(wordnet.entries)))}
        | _frequent_words(pairs, min_images)
        | bound_pairs(batch, min_images)
    )
    matches = Matcher(entries).find(batch)
    found = pl.DataFrame({"pair": matches.text, "entry": matches.term}).unique().sort("pair", "entry")
    drawn = _draw(found, pairs, [join_term(list(entry)) for entry in entries])
    return PeerLabels(
        recipe={"name": "metaclip", "min_images": min_images},
        rows=drawn.unique().sort("image_id", "label").with_columns(score=pl.lit(1.0)),
        terms={},
        language="en",
    )


def head_threshold(counts: np.ndarray) -> int:
    """The t of the paper: entries with fewer matches than it have about `_TAIL_SHARE` of them together.

    Args:
        counts: int64 [E] matches of each entry; at least one entry, none without.
    """
    ordered = np.sort(counts)
    return int(ordered[np.searchsorted(np.cumsum(ordered), _TAIL_SHARE * ordered.sum(), side="right")])


def bound_pairs(batch: TokenBatch, min_texts: int) -> set[_Term]:
    """Adjacent words that hardly occur apart: normalised pointwise mutual information (Bouma 2009) of `_BOUND`."""
    text = batch.text_of_token
    tokens = pl.DataFrame({"first": batch.tokens.to_pylist(), "text": text})
    words = tokens.filter(pl.col("first") != BREAK)
    counts = words.group_by("first").len("n_first")
    adjacent = (
        tokens.with_columns(second=pl.col("first").shift(-1), next_text=pl.col("text").shift(-1))
        .filter(pl.col("text") == pl.col("next_text"), pl.col("first") != BREAK, pl.col("second") != BREAK)
        .group_by("first", "second")
        .agg(pl.len().alias("n_both"), pl.col("text").n_unique().alias("n_texts"))
        .filter(pl.col("n_texts") >= min_texts)
        .join(counts, on="first")
        .join(counts.rename({"first": "second", "n_first": "n_second"}), on="second")
    )
    information = (pl.col("n_both") * len(words) / (pl.col("n_first") * pl.col("n_second"))).log()
    greatest = (len(words) / pl.col("n_both")).log()
    return set(adjacent.filter(information >= _BOUND * greatest).select("first", "second").iter_rows())


def _frequent_words(pairs: pl.DataFrame, min_images: int) -> set[_Term]:
    counts = words_of(pairs).group_by("word").len()  # each word of an image once
    return {(word,) for word in counts.filter(pl.col("len") >= min_images)["word"].to_list()}


def _draw(found: pl.DataFrame, pairs: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """Columns image_id and label: the matches (pair, entry) that are drawn."""
    matches = found.select(
        image_id=pairs["image_id"].gather(found["pair"]),
        text=pairs["text"].gather(found["pair"]),
        label=pl.Series(names, dtype=pl.String).gather(found["entry"]),
        count=pl.len().over("entry"),
    )
    counts = found.group_by("entry").len()["len"].to_numpy().astype(np.int64)
    threshold = head_threshold(counts) if len(counts) else 0
    is_drawn = [
        count <= threshold or chance(image_id, text, label) < threshold / count
        for image_id, text, label, count in matches.iter_rows()
    ]
    return matches.filter(pl.Series(is_drawn, dtype=pl.Boolean)).select("image_id", "label")
