"""Text features of images, and statistics of labels, as Parquet for a feature store."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vitrail.contracts.corpus import SIGNALS_SCHEMA
from vitrail.contracts.files import atomic_folder
from vitrail.corpus import Corpus, open_corpus
from vitrail.corpus.corpus import REBUILD
from vitrail.corpus.store.tables import read_batches
from vitrail.errors import LabelError
from vitrail.labels.arrays import is_run_start, list_array, run_lengths, run_starts
from vitrail.labels.label_set.opened import LabelSet, open_labels
from vitrail.labels.shards.image_rows import ImageLookup, look_up_images, read_image_ids
from vitrail.labels.text.language_tags import UNKNOWN

__all__ = ["IMAGE_FEATURES_SCHEMA", "LABEL_STATISTICS_SCHEMA", "build_text_features"]

_TIME = pa.timestamp("us", tz="UTC")
_READ = pa.schema([SIGNALS_SCHEMA.field(name) for name in ("image_id", "source", "text", "language", "observed_at")])

IMAGE_FEATURES_SCHEMA = pa.schema(
    [
        ("image_id", pa.string()),
        ("event_timestamp", _TIME),  # of the latest text
        ("top_labels", pa.list_(pa.string())),
        ("top_label_ids", pa.list_(pa.int64())),
        ("top_scores", pa.list_(pa.float32())),
        ("sources", pa.list_(pa.string())),
        ("source_counts", pa.list_(pa.int64())),
        ("num_signals", pa.int64()),
        ("language", pa.string()),  # of most texts
    ]
)
LABEL_STATISTICS_SCHEMA = pa.schema(
    [
        ("label_id", pa.int64()),
        ("event_timestamp", _TIME),
        ("term", pa.string()),
        ("frequency", pa.int64()),
        ("idf", pa.float32()),
        ("band", pa.string()),
    ]
)


def build_text_features(corpus: Path, labels: Path, out: Path) -> None:
    """Writes image_features.parquet, a row group a shard, and label_statistics.parquet into the folder `out`.

    Memory: 16 bytes an image and 24 a text, twice that while they are sorted, and the features of a shard.

    Raises:
        LabelError: The label set was derived from another corpus, or no image has text.
    """
    opened, label_set = open_corpus(Path(corpus)), open_labels(labels)
    label_set.require_corpus(opened)
    lookup = look_up_images(opened)
    texts = _read_texts(opened, lookup)
    with atomic_folder(Path(out)) as folder:
        with pq.ParquetWriter(folder / "image_features.parquet", IMAGE_FEATURES_SCHEMA) as writer:
            for table in _image_features(opened, label_set, lookup, texts):
                writer.write_table(table)
        pq.write_table(_label_statistics(label_set, texts), folder / "label_statistics.parquet")


@dataclass(frozen=True, kw_only=True)
class _Texts:
    """The T texts of indexed images, image after image; sources and languages by their place in sorted names."""

    row: np.ndarray  # int64 [T] of the image, ascending
    observed_us: np.ndarray  # int64 [T]
    source: np.ndarray  # int32 [T]
    language: np.ndarray  # int32 [T]
    sources: pa.Array
    languages: pa.Array

    def of_rows(self, start: int, stop: int) -> "_Texts":
        """Those of a range of images."""
        low, high = np.searchsorted(self.row, (start, stop))
        return _Texts(
            row=self.row[low:high],
            observed_us=self.observed_us[low:high],
            source=self.source[low:high],
            language=self.language[low:high],
            sources=self.sources,
            languages=self.languages,
        )

    def count_sources(self) -> tuple[pa.ListArray, pa.ListArray]:
        """The sources of each image that has texts, by name, and how many texts each gave."""
        row, source, count = _count_pairs(self.row, self.source, len(self.sources))
        per_image = run_lengths(run_starts(row), len(row))
        return list_array(per_image, self.sources.take(pa.array(source))), list_array(per_image, count)

    def commonest_language(self) -> pa.Array:
        """The language of most texts of each image that has any; of equally frequent ones the first by name."""
        row, language, count = _count_pairs(self.row, self.language, len(self.languages))
        order = np.lexsort((language, -count, row))
        return self.languages.take(pa.array(language[order][is_run_start(row[order])]))


def _count_pairs(row: np.ndarray, code: np.ndarray, num_codes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The distinct pairs of row and code, ascending, and how often each occurs."""
    keys, count = np.unique(row * num_codes + code, return_counts=True)
    return keys // num_codes, keys % num_codes, count


class _Names:
    """Numbers for names, as they come."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def encode(self, column: pa.ChunkedArray) -> np.ndarray:
        """int32, the numbers of a column's names; null is the unknown."""
        encoded = pc.fill_null(column, UNKNOWN).combine_chunks().dictionary_encode()
        numbers = [self._numbers.setdefault(name, len(self._numbers)) for name in encoded.dictionary.to_pylist()]
        return np.array(numbers, dtype=np.int32)[encoded.indices.to_numpy()]

    def sort(self, numbers: np.ndarray) -> tuple[np.ndarray, pa.Array]:
        """The numbers as places in the sorted names, and these."""
        names = sorted(self._numbers)
        place = np.empty(len(names), dtype=np.int32)
        place[[self._numbers[name] for name in names]] = np.arange(len(names), dtype=np.int32)
        return place[numbers], pa.array(names, pa.string())


def _read_texts(corpus: Corpus, lookup: ImageLookup) -> _Texts:
    sources, languages = _Names(), _Names()
    parts: list[tuple[np.ndarray, ...]] = []
    for file in corpus.signal_files():
        for table in read_batches(file, _READ, REBUILD):
            row = lookup.find(table["image_id"].combine_chunks())
            has_text = (pc.fill_null(pc.binary_length(table["text"]), 0).to_numpy() > 0) & (row >= 0)
            texts = table.filter(pa.array(has_text))
            observed_us = texts["observed_at"].cast(pa.int64()).to_numpy()
            codes = sources.encode(texts["source"]), languages.encode(texts["language"])
            parts.append((row[has_text], observed_us, *codes))
    if not any(len(part[0]) for part in parts):
        raise LabelError(f"{corpus.path}: no image of the corpus has text")
    row, observed_us, source, language = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    parts.clear()
    order = np.argsort(row, kind="stable")
    source, source_names = sources.sort(source[order])
    language, language_names = languages.sort(language[order])
    return _Texts(
        row=row[order],
        observed_us=observed_us[order],
        source=source,
        language=language,
        sources=source_names,
        languages=language_names,
    )


def _image_features(corpus: Corpus, label_set: LabelSet, lookup: ImageLookup, texts: _Texts) -> Iterator[pa.Table]:
    """The features of the images of each shard that have texts."""
    vocabulary = label_set.vocabulary()
    label_ids, terms = vocabulary["label_id"].combine_chunks(), vocabulary["term"].combine_chunks()
    bounds = zip(lookup.starts[:-1].tolist(), lookup.starts[1:].tolist(), strict=True)
    for shard, (start, stop) in zip(corpus.manifest.shards, bounds, strict=True):
        own = texts.of_rows(start, stop)
        first = run_starts(own.row)
        inside = pa.array(own.row[first] - start)
        sidecar = label_set.sidecar(shard.name).take(inside)
        top = sidecar["label_ids"].combine_chunks()
        lengths = top.value_lengths().to_numpy(zero_copy_only=False)
        sources, source_counts = own.count_sources()
        latest = np.maximum.reduceat(own.observed_us, first) if len(first) else own.observed_us
        columns = {
            "image_id": read_image_ids(corpus, shard.name).take(inside),
            "event_timestamp": pa.array(latest).cast(_TIME),
            "top_labels": list_array(lengths, terms.take(pc.index_in(top.flatten(), value_set=label_ids))),
            "top_label_ids": top,
            "top_scores": sidecar["scores"].combine_chunks(),
            "sources": sources,
            "source_counts": source_counts,
            "num_signals": run_lengths(first, len(own.row)),
            "language": own.commonest_language(),
        }
        yield pa.table(columns).cast(IMAGE_FEATURES_SCHEMA)


def _label_statistics(label_set: LabelSet, texts: _Texts) -> pa.Table:
    vocabulary = label_set.vocabulary()
    latest = pa.array([texts.observed_us.max()]).cast(_TIME)[0]
    columns = {name: vocabulary[name] for name in ("label_id", "term", "frequency", "idf", "band")}
    columns["event_timestamp"] = pa.array([latest.as_py()] * vocabulary.num_rows, _TIME)
    return pa.table(columns).select(LABEL_STATISTICS_SCHEMA.names).cast(LABEL_STATISTICS_SCHEMA)
