"""Some of the texts that came with given images."""

import math
from collections.abc import Iterable

import pyarrow.parquet as pq

from vitrail.contracts.text_sources import report_ranks
from vitrail.corpus import Corpus

__all__ = ["ImageText", "read_texts"]

_MOST_CHARACTERS = 90


ImageText = dict[str, str]  # `source` and `text`


def read_texts(corpus: Corpus, image_ids: Iterable[str], most: int) -> dict[str, list[ImageText]]:
    """At most `most` texts of each image, one per source, shortened; titles first."""
    found: dict[str, dict[str, str]] = {image_id: {} for image_id in image_ids}
    for path in corpus.signal_files():
        columns = ["image_id", "source", "text"]
        for row in pq.read_table(path, columns=columns, filters=[("image_id", "in", list(found))]).to_pylist():
            if row["text"]:
                found[row["image_id"]].setdefault(row["source"] or "", row["text"])
    return {image_id: _choose(texts, most) for image_id, texts in found.items()}


def _choose(texts: dict[str, str], most: int) -> list[ImageText]:
    ranks = report_ranks()
    sources = sorted(texts, key=lambda source: ranks.get(source, math.inf))
    return [{"source": source, "text": _shorten(texts[source])} for source in sources[:most]]


def _shorten(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS].rstrip()}…"
