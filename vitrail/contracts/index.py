"""The index contract: a binary nearest-neighbour index bound to the model that made its codes.

index.json               IndexManifest
index.usearch            usearch graph over binary codes, Hamming distance, opened memory-mapped
codes.npy                the same codes, uint8 [N, D/8], row i is that of the item with key i
vectors.npy              the unit vectors that the codes are of, float16 [N, D]
items.parquet            ITEMS_SCHEMA, row i is the item with key i, in row groups of ITEMS_ROW_GROUP
"""

from dataclasses import dataclass

import pyarrow as pa

from vitrail.contracts.contract import Contract
from vitrail.contracts.files import digest_json
from vitrail.errors import EvaluationError

__all__ = [
    "CODES_FILE",
    "INDEX_FILE",
    "ITEMS_FILE",
    "ITEMS_ROW_GROUP",
    "ITEMS_SCHEMA",
    "VECTORS_FILE",
    "IndexManifest",
]

INDEX_FILE = "index.usearch"
CODES_FILE = "codes.npy"
VECTORS_FILE = "vectors.npy"
ITEMS_FILE = "items.parquet"

ITEMS_ROW_GROUP = 1024  # items read together when one thumbnail is asked for
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
    version=2,
):
    """What an index holds and which model may search it (`index.json`)."""

    model_id: str
    corpus_digest: str
    num_items: int
    num_bits: int  # per code
    expansion_search: int  # candidates looked at by a search; the graph's file does not keep it
    index_digest: str
    codes_digest: str
    vectors_digest: str
    items_digest: str

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of each file beside this one."""
        return {
            INDEX_FILE: self.index_digest,
            CODES_FILE: self.codes_digest,
            VECTORS_FILE: self.vectors_digest,
            ITEMS_FILE: self.items_digest,
        }

    @property
    def digest(self) -> str:
        """The identity of the index: SHA-256 over the model and the digests of the files."""
        return digest_json({"model": self.model_id, "files": self.digests})
