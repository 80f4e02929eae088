"""Text features of images, and statistics of labels, as Parquet for a feature store."""

from pathlib import Path

import daft
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vitrail.contracts.files import atomic_folder
from vitrail.corpus import Corpus, open_corpus
from vitrail.errors import LabelError
from vitrail.labels.arrays import list_array, positions_in_rows, row_of_each
from vitrail.labels.label_set.opened import LabelSet, open_labels
from vitrail.labels.text.encoder import load_encoder
from vitrail.labels.text.language_tags import UNKNOWN

__all__ = ["IMAGE_FEATURES_SCHEMA", "LABEL_STATISTICS_SCHEMA", "build_text_features"]

_TIME = pa.timestamp("us", tz="UTC")

IMAGE_FEATURES_SCHEMA = pa.schema(
    [
        ("image_id", pa.string()),
        ("event_timestamp", _TIME),  # of the latest text
        ("top_labels", pa.list_(pa.string())),
        ("top_label_ids", pa.list_(pa.int64())),
        ("top_scores", pa.list_(pa.float32())),
        (
            "text_embedding",
            pa.list_(pa.float32()),
        ),  # score-weighted mean of the label terms' vectors, unit length
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


def build_text_features(corpus: Path, labels: Path, out: Path, encoder_name: str) -> None:
    """Writes image_features.parquet and label_statistics.parquet into the folder `out`.

    An image's text embedding is the score-weighted mean of the vectors of its labels' terms: it costs one
    encoder call per label instead of one per text, and speaks of what the dictionary knows. It is zero
    without labels.

    Raises:
        LabelError: The label set was derived from another corpus, or no image has text.
    """
    opened, label_set = open_corpus(Path(corpus)), open_labels(labels)
    label_set.require_corpus(opened)
    shards = [opened.index_columns(shard.name, "image_id") for shard in opened.manifest.shards]
    ids = pa.concat_tables(shards)["image_id"].combine_chunks()
    texts = _summarise_texts(opened, ids)
    with atomic_folder(Path(out)) as folder:
        pq.write_table(_image_features(label_set, ids, texts, encoder_name), folder / "image_features.parquet")
        pq.write_table(_label_statistics(label_set, texts), folder / "label_statistics.parquet")


def _summarise_texts(corpus: Corpus, ids: pa.Array) -> pa.Table:
    """One row per text of an indexed image: image (position in `ids`), source, language, observed_at."""
    frame = daft.read_parquet([str(path) for path in corpus.signal_files()])
    table = frame.select("image_id", "source", "text", "language", "observed_at").to_arrow().combine_chunks()
    image = pc.index_in(table["image_id"], value_set=ids)
    table = table.drop_columns(["image_id"]).append_column("image", image)
    has_text = pc.and_(pc.is_valid(image), pc.greater(pc.binary_length(pc.fill_null(table["text"], "")), 0))
    table = table.filter(has_text).drop_columns(["text"])
    if not table.num_rows:
        raise LabelError(f"{corpus.path}: no image of the corpus has text")
    return table


def _image_features(label_set: LabelSet, ids: pa.Array, texts: pa.Table, encoder_name: str) -> pa.Table:
    per_image = texts.group_by("image").aggregate([("observed_at", "max"), ("image", "count")]).sort_by("image")
    image = per_image["image"].to_numpy()
    sources = (
        texts.group_by(["image", "source"])
        .aggregate([("source", "count")])
        .sort_by([("image", "ascending"), ("source", "ascending")])
    )
    num_sources = np.diff(np.searchsorted(sources["image"].to_numpy(), np.append(image, len(ids))))
    sidecar = pa.concat_tables([label_set.sidecar(shard) for shard in label_set.manifest.shards]).take(pa.array(image))
    label_ids, scores = sidecar["label_ids"].combine_chunks(), sidecar["scores"].combine_chunks()
    vocabulary = label_set.vocabulary()
    output = pc.index_in(label_ids.flatten(), value_set=vocabulary["label_id"].combine_chunks())
    lengths = label_ids.value_lengths().to_numpy(zero_copy_only=False)
    vectors = load_encoder(encoder_name).encode(vocabulary["term"].to_pylist())
    return pa.table(
        {
            "image_id": ids.take(pa.array(image)),
            "event_timestamp": per_image["observed_at_max"],
            "top_labels": list_array(lengths, vocabulary["term"].combine_chunks().take(output)),
            "top_label_ids": label_ids,
            "top_scores": scores,
            "text_embedding": _embed(output.to_numpy(), scores.flatten().to_numpy(), lengths, vectors),
            "sources": list_array(num_sources, sources["source"].combine_chunks()),
            "source_counts": list_array(num_sources, sources["source_count"].combine_chunks()),
            "num_signals": per_image["image_count"],
            "language": _languages(texts, image),
        }
    ).cast(IMAGE_FEATURES_SCHEMA)


def _embed(output: np.ndarray, scores: np.ndarray, lengths: np.ndarray, vectors: np.ndarray) -> pa.Array:
    """Lists of float32: for each of N images the mean of its labels' vectors, weighted by score, of unit length.

    Args:
        output: int64 [P] labels of the images, end to end.
        scores: float32 [P].
        lengths: int64 [N] labels of each image.
        vectors: float32 [L, D].
    """
    total = np.zeros((len(lengths), vectors.shape[1]), dtype=np.float32)
    image, rank = row_of_each(lengths), positions_in_rows(np.zeros_like(lengths), lengths)
    for position in range(int(lengths.max(initial=0))):  # one label of each image at a time: a fixed order of addition
        at = rank == position
        total[image[at]] += scores[at, None] * vectors[output[at]]
    norm = np.linalg.norm(total, axis=1, keepdims=True)
    total = np.divide(total, norm, out=total, where=norm > 0)
    return list_array(np.full(len(total), total.shape[1]), total.ravel())


def _languages(texts: pa.Table, image: np.ndarray) -> list[str]:
    counts = texts.group_by(["image", "language"]).aggregate([("image", "count")])
    counts = counts.sort_by([("image", "ascending"), ("image_count", "descending"), ("language", "ascending")])
    first = np.searchsorted(counts["image"].to_numpy(), image)
    return [language or UNKNOWN for language in counts["language"].take(pa.array(first)).to_pylist()]


def _label_statistics(label_set: LabelSet, texts: pa.Table) -> pa.Table:
    vocabulary = label_set.vocabulary()
    latest = pc.max(texts["observed_at"]).as_py()
    columns = {name: vocabulary[name] for name in ("label_id", "term", "frequency", "idf", "band")}
    columns["event_timestamp"] = pa.array([latest] * vocabulary.num_rows, _TIME)
    return pa.table(columns).select(LABEL_STATISTICS_SCHEMA.names).cast(LABEL_STATISTICS_SCHEMA)
