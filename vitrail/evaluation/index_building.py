"""Builds the nearest-neighbour index that is served: codes in a usearch graph, and what exact search needs."""

import logging
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vitrail.contracts.codec import write
from vitrail.contracts.files import atomic_folder, digest_file
from vitrail.contracts.index import (
    CODES_FILE,
    INDEX_FILE,
    ITEMS_FILE,
    ITEMS_ROW_GROUP,
    ITEMS_SCHEMA,
    VECTORS_FILE,
    IndexManifest,
)
from vitrail.corpus import Corpus, open_corpus
from vitrail.corpus.thumbnails import encode_thumbnails
from vitrail.errors import EvaluationError
from vitrail.evaluation.config import IndexConfig
from vitrail.evaluation.devices import DevicePredictors, given_devices
from vitrail.evaluation.inference import predict_batches
from vitrail.tasks import find_kind

__all__ = ["build_index"]

_log = logging.getLogger(__name__)


def build_index(*, corpus: Path, model: Path, out: Path, config: IndexConfig) -> IndexManifest:
    """Embeds every indexed image of a corpus and writes the index; it appears whole.

    Raises:
        EvaluationError: The model does not embed, or the corpus is empty.
    """
    opened = open_corpus(corpus)
    predictors = DevicePredictors(model, given_devices(config.device))
    head = next((head for head in predictors.manifest.heads if find_kind(head.kind).output == "embedding"), None)
    if head is None:
        raise EvaluationError(f"{model} has no retrieval head; fine-tune it on a retrieval task to index with it")
    if not opened.manifest.num_images:
        raise EvaluationError(f"{corpus} has no image to index")
    with atomic_folder(out) as partial:
        _write_items(opened, partial / ITEMS_FILE, config)
        num_items = _write_codes(opened, predictors, partial, head.dim, config)
        manifest = IndexManifest(
            model_id=predictors.manifest.model_id,
            corpus_digest=opened.manifest.digest,
            num_items=num_items,
            num_bits=head.dim,
            expansion_search=config.expansion_search,
            index_digest=digest_file(partial / INDEX_FILE),
            codes_digest=digest_file(partial / CODES_FILE),
            vectors_digest=digest_file(partial / VECTORS_FILE),
            items_digest=digest_file(partial / ITEMS_FILE),
        )
        write(partial, manifest)
    _log.info("indexed %d images in %d-bit codes", num_items, head.dim)
    return manifest


def _write_codes(corpus: Corpus, predictors: DevicePredictors, out: Path, num_bits: int, config: IndexConfig) -> int:
    """Writes graph, codes and vectors in the order of the corpus; returns how many there are."""
    from usearch.index import Index

    graph = Index(
        ndim=num_bits,
        metric="hamming",
        dtype="b1",
        connectivity=config.connectivity,
        expansion_add=config.expansion_add,
    )
    image_ids = corpus.splits()["image_id"].to_pylist()
    codes = _new_array(out / CODES_FILE, np.uint8, (len(image_ids), num_bits // 8))
    vectors = _new_array(out / VECTORS_FILE, np.float16, (len(image_ids), num_bits))
    batches = predict_batches(
        corpus,
        predictors,
        image_ids,
        batch_size=config.batch_size,
        num_workers=config.num_workers,
        title="indexing",
    )
    for found_ids, predictions, _ in batches:
        rows = slice(len(graph), len(graph) + len(found_ids))
        codes[rows], vectors[rows] = predictions.codes, predictions.embeddings
        graph.add(np.arange(rows.start, rows.stop), predictions.codes, threads=config.num_threads)
    graph.save(out / INDEX_FILE)
    codes.flush()
    vectors.flush()
    return len(graph)


def _new_array(path: Path, dtype: type[np.generic], shape: tuple[int, int]) -> np.memmap:
    return np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)


def _write_items(corpus: Corpus, path: Path, config: IndexConfig) -> None:
    """One row group at a time, so that memory stays flat."""
    splits = corpus.splits()
    with pq.ParquetWriter(path, ITEMS_SCHEMA, use_dictionary=["group", "domain"]) as writer:
        for start in range(0, splits.num_rows, ITEMS_ROW_GROUP):
            part = splits.slice(start, ITEMS_ROW_GROUP)
            columns = {
                "key": pa.array(range(start, start + part.num_rows), pa.int64()),
                "image_id": part["image_id"],
                "group": part["group"],
                "domain": part["domain"],
                "thumbnail": _thumbnails(corpus, part["image_id"].to_pylist(), config),
            }
            writer.write_table(pa.table(columns, schema=ITEMS_SCHEMA))


def _thumbnails(corpus: Corpus, image_ids: list[str], config: IndexConfig) -> pa.Array:
    if not config.thumbnail_size:
        return pa.nulls(len(image_ids), pa.binary())
    pictures = encode_thumbnails(
        corpus.read_bytes(image_ids),
        size=config.thumbnail_size,
        quality=config.thumbnail_quality,
    )
    return pa.array(pictures, pa.binary())
