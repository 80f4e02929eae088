"""From image ids to rows of the corpus, as integers: 16 bytes an image, memory-mapped by every worker."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from vitrail.contracts.corpus import CorpusManifest
from vitrail.contracts.files import atomic_file, read_json, write_json
from vitrail.errors import LabelError

__all__ = ["ImageLookup", "build_lookup", "hash_ids", "open_lookup"]

_SEED = 2108_05887


def hash_ids(ids: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """uint64, the integers that image ids are looked up by."""
    return pl.Series(pl.from_arrow(ids)).hash(_SEED).to_numpy()


@dataclass(frozen=True, kw_only=True)
class ImageLookup:
    """Rows of the corpus by hashed image id; shard s owns rows starts[s] : starts[s + 1]."""

    hashes: np.ndarray  # uint64 [N] ascending
    rows: np.ndarray  # int64 [N]
    starts: np.ndarray  # int64 [S + 1]
    twins: Mapping[str, int] = field(default_factory=dict)  # rows of those ids that share their hash with another

    def find(self, ids: pa.Array) -> np.ndarray:
        """int64 rows, -1 where the id is null or not in the corpus."""
        encoded = ids.dictionary_encode()
        wanted = hash_ids(encoded.dictionary)
        slot = np.searchsorted(self.hashes, wanted)
        slot[slot == len(self.hashes)] = 0
        rows = np.where(self.hashes[slot] == wanted, self.rows[slot], -1) if len(self.hashes) else slot * 0 - 1
        if self.twins:
            is_twin = np.isin(wanted, hash_ids(pa.array(list(self.twins))))
            rows[is_twin] = [self.twins.get(name, -1) for name in encoded.dictionary.filter(is_twin).to_pylist()]
        rows = np.append(rows, -1)
        return rows[encoded.indices.fill_null(len(rows) - 1).to_numpy(zero_copy_only=False)]

    def shard_of(self, rows: np.ndarray) -> np.ndarray:
        """Number of the shard that holds each row."""
        return np.searchsorted(self.starts, rows, side="right") - 1


def read_image_ids(corpus: Path, shard: str) -> pa.Array:
    """The image ids of one shard, in order."""
    table = pq.read_table(corpus / "index" / f"{shard}.parquet", columns=["image_id"])
    return table.column("image_id").combine_chunks()


def build_lookup(corpus: Path, manifest: CorpusManifest, out: Path) -> None:
    """Writes the lookup of a corpus.

    Raises:
        LabelError: Two images have one id.
    """
    parts = [hash_ids(read_image_ids(corpus, shard.name)) for shard in manifest.shards]
    hashes = np.concatenate(parts) if parts else np.zeros(0, dtype=np.uint64)
    order = np.argsort(hashes, kind="stable")
    hashes = hashes[order]
    starts = np.cumsum([0, *map(len, parts)]).astype(np.int64)
    is_same = hashes[1:] == hashes[:-1]
    twins = np.unique([order[1:][is_same], order[:-1][is_same]])
    write_json(out / "twins.json", _read_twins(corpus, manifest, starts, twins))
    np.save(out / "hashes.npy", hashes)
    np.save(out / "rows.npy", order.astype(np.int64))
    with atomic_file(out / "starts.npy") as partial, partial.open("wb") as stream:  # last: it says that all is there
        np.save(stream, starts)


def _read_twins(corpus: Path, manifest: CorpusManifest, starts: np.ndarray, rows: np.ndarray) -> dict[str, int]:
    """Ids, with their rows, that share a hash with another: a pair of 1.3 billion ids does at a chance of 4.6%."""
    twins: dict[str, int] = {}
    owners = np.searchsorted(starts, rows, side="right") - 1
    for owner in np.unique(owners).tolist():
        ids = read_image_ids(corpus, manifest.shards[owner].name)
        for row in rows[owners == owner].tolist():
            name = ids[row - starts[owner]].as_py()
            if name in twins:
                raise LabelError(
                    f"{corpus}: image id {name!r} occurs twice in index/; image ids must be unique in the corpus"
                )
            twins[name] = row
    return twins


def open_lookup(folder: Path) -> ImageLookup:
    """Maps the lookup that `build_lookup` wrote."""
    hashes, rows = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("hashes", "rows"))
    twins = read_json(folder / "twins.json")
    return ImageLookup(hashes=hashes, rows=rows, starts=np.load(folder / "starts.npy"), twins=twins)
