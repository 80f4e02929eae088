"""Raw keywords: every keyword, or where a corpus has none every word, is a label. No dictionary, no clusters."""

import polars as pl

from peers.label_set import PeerLabels, drop_rare
from peers.texts import words_of

__all__ = ["keywords_of", "raw_keywords"]


def keywords_of(texts: pl.DataFrame) -> pl.DataFrame:
    """Columns image_id and label: keywords in lower case as they were given, else the words of all texts."""
    keywords = texts.filter(source="keyword")
    if keywords.is_empty():
        return words_of(texts).rename({"word": "label"})
    spaced = pl.col("text").str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()
    found = keywords.select("image_id", label=spaced).filter(pl.col("label") != "")
    return found.unique().sort("image_id", "label")


def raw_keywords(texts: pl.DataFrame, min_images: int) -> PeerLabels:
    """All keywords of an image in equal shares.

    Args:
        texts: From `read_texts`.
        min_images: Images that a label must be on.
    """
    rows = drop_rare(keywords_of(texts), min_images).with_columns(score=pl.lit(1.0))
    return PeerLabels(recipe={"name": "raw-keywords", "min_images": min_images}, rows=rows, terms={})
