"""The nearest-neighbour index that is served: binary codes in a usearch graph, bound to their model."""

import logging
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from vitrail.contracts.codec import read, write
from vitrail.contracts.files import atomic_folder, digest_file
from vitrail.contracts.index import (
    INDEX_FILE,
    ITEMS_FILE,
    ITEMS_SCHEMA,
    IndexManifest,
)
from vitrail.corpus import Corpus, open_corpus
from vitrail.corpus.thumbnails import encode_thumbnails
from vitrail.errors import EvaluationError
from vitrail.evaluation.config import IndexConfig
from vitrail.evaluation.devices import DevicePredictors, given_devices
from vitrail.evaluation.inference import predict_batches
from vitrail.tasks import find_kind

if TYPE_CHECKING:
    from usearch.index import BatchMatches, Index, Matches

__all__ = ["GalleryIndex", "GalleryItem", "build_index", "open_index"]

_log = logging.getLogger(__name__)

_ROW_GROUP = 1024  # items read together when one thumbnail is asked for
_REBUILD = IndexManifest.REMEDY


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
        num_items = _write_graph(opened, predictors, partial / INDEX_FILE, head.dim, config)
        manifest = IndexManifest(
            model_id=predictors.manifest.model_id,
            corpus_digest=opened.manifest.digest,
            num_items=num_items,
            num_bits=head.dim,
            expansion_search=config.expansion_search,
            index_digest=digest_file(partial / INDEX_FILE),
            items_digest=digest_file(partial / ITEMS_FILE),
        )
        write(partial, manifest)
    _log.info("indexed %d images in %d-bit codes", num_items, head.dim)
    return manifest


def _write_graph(corpus: Corpus, predictors: DevicePredictors, path: Path, num_bits: int, config: IndexConfig) -> int:
    from usearch.index import Index

    graph = Index(
        ndim=num_bits,
        metric="hamming",
        dtype="b1",
        connectivity=config.connectivity,
        expansion_add=config.expansion_add,
    )
    batches = predict_batches(
        corpus,
        predictors,
        corpus.splits()["image_id"].to_pylist(),
        batch_size=config.batch_size,
        num_workers=config.num_workers,
        title="indexing",
    )
    for image_ids, predictions, _ in batches:
        keys = np.arange(len(graph), len(graph) + len(image_ids))
        graph.add(keys, predictions.codes, threads=config.num_threads)
    graph.save(path)
    return len(graph)


def _write_items(corpus: Corpus, path: Path, config: IndexConfig) -> None:
    """One row group at a time, so that memory stays flat."""
    splits = corpus.splits()
    with pq.ParquetWriter(path, ITEMS_SCHEMA, use_dictionary=["group", "domain"]) as writer:
        for start in range(0, splits.num_rows, _ROW_GROUP):
            part = splits.slice(start, _ROW_GROUP)
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


@dataclass(frozen=True, slots=True)
class GalleryItem:
    """What is known of one indexed image."""

    key: int
    image_id: str
    group: str
    domain: str | None


class GalleryIndex:
    """An opened index. The graph is memory-mapped; thumbnails are read when asked for.

    Safe to share between threads: calls take turns. That costs nothing, since usearch holds the interpreter's
    lock during a search.

    Attributes:
        manifest: What the index holds.
    """

    def __init__(self, folder: Path, manifest: IndexManifest) -> None:
        self.manifest = manifest
        self._graph = _view(folder / INDEX_FILE, manifest)
        self._items = pq.ParquetFile(folder / ITEMS_FILE, memory_map=True)
        table = self._items.read(["image_id", "group", "domain"])
        self._columns = tuple(table[name].to_pylist() for name in ("image_id", "group", "domain"))
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self.manifest.num_items

    def search(self, codes: NDArray[np.uint8], k: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The approximate nearest items of packed codes [B, D/8].

        Returns:
            Keys [B, k] and Hamming distances in bits [B, k], nearest first; -1 where fewer were found.

        Raises:
            EvaluationError: The codes have another width, or `k` is not positive.
        """
        expected = self.manifest.num_bits // 8
        if codes.ndim != 2 or codes.shape[1] != expected or codes.dtype != np.uint8:
            raise EvaluationError(f"codes are {codes.dtype} {codes.shape}; the index takes uint8 [B, {expected}]")
        if k < 1:
            raise EvaluationError(f"k={k}: ask for 1 neighbour or more")
        shape = (len(codes), min(k, len(self)))
        if not len(codes):
            return np.empty(shape, np.int64), np.empty(shape, np.int64)
        with self._lock:
            found = self._graph.search(np.ascontiguousarray(codes), shape[1], threads=1)
        keys, distances = np.full(shape, -1, np.int64), np.full(shape, -1, np.int64)
        for row, (found_keys, found_distances) in enumerate(_found(found)):
            keys[row, : len(found_keys)] = found_keys
            distances[row, : len(found_keys)] = found_distances
        return keys, distances

    def item(self, key: int) -> GalleryItem:
        """What is known of the item with that key."""
        self._check_key(key)
        image_id, group, domain = (column[key] for column in self._columns)
        return GalleryItem(key, image_id, group, domain)

    def thumbnail(self, key: int) -> bytes | None:
        """WebP of the item; None when the index was built without thumbnails."""
        self._check_key(key)
        with self._lock:
            group = self._items.read_row_group(key // _ROW_GROUP, columns=["thumbnail"])
        picture: bytes | None = group["thumbnail"][key % _ROW_GROUP].as_py()
        return picture

    def _check_key(self, key: int) -> None:
        if not 0 <= key < len(self):
            raise EvaluationError(f"key {key} is not in the index; it holds 0 to {len(self) - 1}")


def _found(matches: "Matches | BatchMatches") -> list[tuple[NDArray[np.uint64], NDArray[np.float32]]]:
    """Keys and distances of each query; usearch gives one query's bare, and pads a batch with key 0."""
    rows = [matches] if matches.keys.ndim == 1 else [matches[row] for row in range(len(matches))]
    return [(row.keys, row.distances) for row in rows]


def open_index(path: Path, model_id: str) -> GalleryIndex:
    """Opens an index for the model that made it.

    Raises:
        EvaluationError: The index is damaged, incomplete, or was made by another model.
    """
    manifest = read(IndexManifest, path)
    if manifest.model_id != model_id:
        raise EvaluationError(
            f"{path} was made by model {manifest.model_id[:12]}, not by {model_id[:12]}: "
            f"their codes cannot be compared; {_REBUILD}"
        )
    for name, digest in ((INDEX_FILE, manifest.index_digest), (ITEMS_FILE, manifest.items_digest)):
        if not (path / name).is_file() or digest_file(path / name) != digest:
            raise EvaluationError(f"{path / name} is missing or damaged; {_REBUILD}")
    return GalleryIndex(path, manifest)


def _view(path: Path, manifest: IndexManifest) -> "Index":
    from usearch.index import Index

    metadata = Index.metadata(path)
    found = (metadata["dimensions"], metadata["count_present"]) if metadata else (0, 0)
    if found != (manifest.num_bits, manifest.num_items):
        raise EvaluationError(f"{path} holds {found[1]} codes of {found[0]} bits; {_REBUILD}")
    graph = Index(ndim=manifest.num_bits, metric="hamming", dtype="b1", expansion_search=manifest.expansion_search)
    graph.view(path)
    return graph
