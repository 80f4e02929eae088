"""CatLIP (Mehta et al. 2024, arXiv 2404.15653): the nouns of the caption, as WordNet synsets, are the classes.

Each word of a caption is brought to its base form and becomes the synset that it means first as a noun; synsets below
a frequency are dropped (section 3). The paper trains with binary cross-entropy. Without a tagger every word that
WordNet has as a noun is one, except function words (`a`, `in` and `it` are nouns to WordNet); texts in other
languages than English are left out, since WordNet would read them as English.
"""

import polars as pl

from peers.label_set import PeerLabels, drop_rare
from peers.texts import in_english, words_of
from peers.wordnet import WordNet
from vitrail.labels.text.stop_words import stop_words

__all__ = ["catlip"]


def catlip(texts: pl.DataFrame, wordnet: WordNet, min_images: int) -> PeerLabels:
    """The synsets of an image in equal shares, called by their first words.

    Args:
        texts: From `read_texts`.
        wordnet: From `open_wordnet`.
        min_images: Images that a synset must be on.
    """
    words = words_of(in_english(texts))
    synsets = {word: _synset(word, wordnet) for word in words["word"].unique().to_list()}
    found = words.select("image_id", label=pl.col("word").replace_strict(synsets, return_dtype=pl.String))
    rows = drop_rare(found.drop_nulls().unique().sort("image_id", "label"), min_images)
    return PeerLabels(
        recipe={"name": "catlip", "min_images": min_images},
        rows=rows.with_columns(score=pl.lit(1.0)),
        terms=wordnet.names,
        language="en",
    )


def _synset(word: str, wordnet: WordNet) -> str | None:
    return None if (word,) in stop_words("en") else wordnet.noun_sense(word)
