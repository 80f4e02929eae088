"""The index contract: a binary nearest-neighbour index bound to the model that made its codes.

index.json               IndexManifest
index.usearch            usearch graph over binary codes, Hamming distance, opened memory-mapped
items.parquet            ITEMS_SCHEMA, row i is the item with key i
"""

from dataclasses import dataclass

import pyarrow as pa

from vitrail.contracts.contract import Contract
from vitrail.contracts.files import digest_json
from vitrail.errors import EvaluationError

__all__ = [
    "INDEX_FILE",
    "ITEMS_FILE",
    "ITEMS_SCHEMA",
    "IndexManifest",
]

INDEX_FILE = "index.usearch"
ITEMS_FILE = "items.parquet"

ITEMS_SCHEMA = pa.schema(
    [
        ("key", pa.int64()),  # the image's row in the corpus, and in this table
        ("image_id", pa.string()),
        ("group", pa.string()),
        ("domain", pa.string()),  # null when the corpus has one domain
        ("thumbnail", pa.binary()),  # WebP; null when the recipe wants none
    ]
)


@dataclass(frozen=True, kw_only=True)
class IndexManifest(
    Contract,
    noun="an index",
    file="index.json",
    error=EvaluationError,
    remedy="build the index again with this model (step build_index)",
):
    """What an index holds and which model may search it (`index.json`)."""

    model_id: str
    corpus_digest: str
    num_items: int
    num_bits: int  # per code
    expansion_search: int  # candidates looked at by a search; the graph's file does not keep it
    index_digest: str
    items_digest: str

    @property
    def digest(self) -> str:
        """The identity of the index: SHA-256 over the model and the digests of both files."""
        return digest_json({"model": self.model_id, "index": self.index_digest, "items": self.items_digest})
