"""The texts of a corpus as all peers read them, in an order that does not hang on files."""

from hashlib import sha256

import polars as pl
import pyarrow as pa

from vitrail.corpus import Corpus
from vitrail.labels.text.language import identify_languages
from vitrail.labels.text.language_tags import UNKNOWN
from vitrail.labels.text.normalise import BREAK, TokenBatch, tokenise

__all__ = ["chance", "draw", "in_english", "read_texts", "tokens_of", "words_of"]

_COLUMNS = ["image_id", "source", "text", "language"]


def read_texts(corpus: Corpus) -> pl.DataFrame:
    """Columns image_id, source, text and language: the texts of the corpus's images."""
    shards = [corpus.index_columns(shard.name, "image_id") for shard in corpus.manifest.shards]
    images = pl.DataFrame(pa.concat_tables(shards))
    texts = pl.concat([pl.read_parquet(path, columns=_COLUMNS) for path in corpus.signal_files()])
    said = texts.filter(pl.col("text").str.len_bytes() > 0)
    return said.join(images, on="image_id", how="semi").sort(_COLUMNS)


def in_english(texts: pl.DataFrame) -> pl.DataFrame:
    """Columns image_id and text: the distinct texts of each image in English, or in a language that cannot be told."""
    distinct = texts.select("image_id", "text", "language").unique().sort("image_id", "text", "language")
    languages = identify_languages(distinct["text"].to_list(), distinct["language"].to_list())
    english = distinct.filter(pl.Series(languages, dtype=pl.String).is_in(["en", UNKNOWN]))
    return english.select("image_id", "text").unique(maintain_order=True)


def tokens_of(texts: pl.DataFrame) -> TokenBatch:
    """Normalised tokens of the texts, with breaks between phrases."""
    return tokenise(pa.array(texts["text"].to_list(), pa.large_string()))


def words_of(texts: pl.DataFrame) -> pl.DataFrame:
    """Columns image_id and word: the distinct normalised words of each image."""
    batch = tokens_of(texts)
    words = pl.DataFrame({"image_id": texts["image_id"].gather(batch.text_of_token), "word": batch.tokens.to_pylist()})
    return words.filter(pl.col("word") != BREAK).unique().sort("image_id", "word")


def draw(*parts: str) -> bytes:
    """A lot drawn by hash, the same on every machine."""
    return sha256("\0".join(parts).encode()).digest()


def chance(*parts: str) -> float:
    """A lot as a number in [0, 1)."""
    return int.from_bytes(draw(*parts)[:7], "big") / 2**56
