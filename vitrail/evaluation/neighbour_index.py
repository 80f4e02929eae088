"""The nearest-neighbour index that is served: binary codes and the vectors they are of, bound to their model."""

import threading
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from vitrail.contracts.codec import read
from vitrail.contracts.files import digest_file
from vitrail.contracts.index import (
    CODES_FILE,
    INDEX_FILE,
    ITEMS_FILE,
    ITEMS_ROW_GROUP,
    VECTORS_FILE,
    IndexManifest,
)
from vitrail.errors import EvaluationError
from vitrail.evaluation.search import nearest_binary

if TYPE_CHECKING:
    from usearch.index import BatchMatches, Index, Matches

__all__ = ["EXACT_ITEMS", "GalleryIndex", "GalleryItem", "open_index"]

EXACT_ITEMS = 100_000  # of a gallery that is searched exactly: 1 to 2 ms a query; a graph misses some neighbours
Scalar = TypeVar("Scalar", bound=np.generic)
_REBUILD = IndexManifest.REMEDY


@dataclass(frozen=True, slots=True)
class GalleryItem:
    """What is known of one indexed image."""

    key: int
    image_id: str
    group: str
    domain: str | None


class GalleryIndex:
    """An opened index. Graph, codes and vectors are memory-mapped; thumbnails are read when asked for.

    Safe to share between threads: searches of the graph take turns. That costs nothing, since usearch holds the
    interpreter's lock meanwhile.

    Attributes:
        manifest: What the index holds.
    """

    def __init__(self, folder: Path, manifest: IndexManifest) -> None:
        self.manifest = manifest
        self._graph = _view(folder / INDEX_FILE, manifest)
        self._codes = _map(folder / CODES_FILE, np.uint8, manifest.num_items, manifest.num_bits // 8)
        self._vectors = _map(folder / VECTORS_FILE, np.float16, manifest.num_items, manifest.num_bits)
        self._items = pq.ParquetFile(folder / ITEMS_FILE, memory_map=True)
        table = self._items.read(["image_id", "group", "domain"])
        self._image_ids = table["image_id"].to_pylist()
        self._keys = {image_id: key for key, image_id in enumerate(self._image_ids)}
        self._columns = {name: _Column(table[name].combine_chunks()) for name in ("group", "domain")}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self.manifest.num_items

    def search(
        self, codes: NDArray[np.uint8], k: int, *, among: NDArray[np.int64] | None = None, is_exact: bool = False
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The nearest items of packed codes [B, D/8].

        The search is exact, ties by key, among galleries of up to EXACT_ITEMS, and where it is asked to be.

        Args:
            codes: Of the queries.
            k: How many neighbours; fewer come back when there are fewer.
            among: Keys of the items that are searched, which is done exactly.
            is_exact: Of larger galleries too, in time that grows with their size.

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
        if among is not None:
            rows, distances = nearest_binary(codes, self._codes[among], k)
            return among[rows], distances
        if is_exact or len(self) <= EXACT_ITEMS:
            return nearest_binary(codes, self._codes, k)
        return self.search_graph(codes, k)

    def search_graph(self, codes: NDArray[np.uint8], k: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The approximate nearest items, as `search` returns them."""
        shape = (len(codes), min(k, len(self)))
        keys, distances = np.full(shape, -1, np.int64), np.full(shape, -1, np.int64)
        if not len(codes):
            return keys, distances
        with self._lock:
            found = self._graph.search(np.ascontiguousarray(codes), shape[1], threads=1)
        for row, (found_keys, found_distances) in enumerate(_found(found)):
            keys[row, : len(found_keys)] = found_keys
            distances[row, : len(found_keys)] = found_distances
        return keys, distances

    def item(self, key: int) -> GalleryItem:
        """What is known of the item with that key."""
        self._check_key(key)
        group, domain = (self._columns[name][key] for name in ("group", "domain"))
        return GalleryItem(key, self._image_ids[key], str(group), domain)

    def key_of(self, image_id: str) -> int | None:
        """The key of an image; None when it is not in the index."""
        return self._keys.get(image_id)

    def code(self, key: int) -> NDArray[np.uint8]:
        """The packed code [D/8] of the item."""
        self._check_key(key)
        return np.array(self._codes[key])

    def vector(self, key: int) -> NDArray[np.float32]:
        """The unit vector [D] of the item, as half precision keeps it."""
        self._check_key(key)
        return self._vectors[key].astype(np.float32)

    def values(self, column: str) -> list[str]:
        """All values of the column `group` or `domain`, sorted."""
        return sorted(self._columns[column].numbers)

    def has_value(self, column: str, value: str) -> bool:
        """Whether an item has the value in the column `group` or `domain`."""
        return value in self._columns[column].numbers

    def is_one_of(self, column: str, values: Collection[str]) -> NDArray[np.bool_]:
        """Which items [N] have one of the values in the column `group` or `domain`."""
        return self._columns[column].is_one_of(values)

    def thumbnail(self, key: int) -> bytes | None:
        """WebP of the item; None when the index was built without thumbnails."""
        self._check_key(key)
        with self._lock:
            group = self._items.read_row_group(key // ITEMS_ROW_GROUP, columns=["thumbnail"])
        picture: bytes | None = group["thumbnail"][key % ITEMS_ROW_GROUP].as_py()
        return picture

    def _check_key(self, key: int) -> None:
        if not 0 <= key < len(self):
            raise EvaluationError(f"key {key} is not in the index; it holds 0 to {len(self) - 1}")


class _Column:
    """Values of N items, each kept once."""

    def __init__(self, values: pa.Array) -> None:
        encoded = values.dictionary_encode()
        self._values = encoded.dictionary.to_pylist()
        self._number = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        self.numbers = {value: number for number, value in enumerate(self._values)}

    def __getitem__(self, key: int) -> str | None:
        number = self._number[key]
        return self._values[number] if number >= 0 else None

    def is_one_of(self, values: Collection[str]) -> NDArray[np.bool_]:
        wanted = [self.numbers[value] for value in values if value in self.numbers]
        return np.isin(self._number, wanted)


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
    for name, digest in manifest.digests.items():
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


def _map(path: Path, dtype: type[Scalar], num_rows: int, width: int) -> NDArray[Scalar]:
    array: NDArray[Scalar] = np.load(path, mmap_mode="r", allow_pickle=False)
    if array.dtype != dtype or array.shape != (num_rows, width):
        expected = f"{np.dtype(dtype)} {(num_rows, width)}"
        raise EvaluationError(f"{path} holds {array.dtype} {array.shape}, not {expected}; {_REBUILD}")
    return array
