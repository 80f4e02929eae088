"""The corpus contract: what lies in a corpus folder and which columns its tables have.

corpus.json              CorpusManifest
shards/00000.tar         images, WebDataset / img2dataset layout, never rewritten
remote.json              optional: the object store that holds the tars instead (vitrail.corpus.store.object_store)
index/00000.parquet      INDEX_SCHEMA, one row per readable image of the tar, in tar order
quarantine.parquet       QUARANTINE_SCHEMA, images and rows of metadata that are not used, with the reason
unused.parquet           optional: UNUSED_SCHEMA, what a user's files offer beside images and their metadata
signals/*.parquet        SIGNALS_SCHEMA, one row per text
splits.parquet           SPLITS_SCHEMA, one row per indexed image
tasks/<task>.parquet     TASK_SCHEMA, one row per labelled image, or per label where images have several
"""

from dataclasses import dataclass

import pyarrow as pa

from vitrail.contracts.contract import Contract
from vitrail.contracts.names import require_distinct, require_file_name, require_task_name
from vitrail.errors import ConfigError, CorpusError

__all__ = [
    "INDEX_SCHEMA",
    "QUARANTINE_FILE",
    "QUARANTINE_SCHEMA",
    "SHARDS_FOLDER",
    "SIGNALS_FILES",
    "SIGNALS_SCHEMA",
    "SPLITS",
    "SPLITS_FILE",
    "SPLITS_SCHEMA",
    "TASK_SCHEMA",
    "UNUSED_FILE",
    "UNUSED_SCHEMA",
    "CorpusManifest",
    "ShardInfo",
    "TaskInfo",
    "index_file",
    "signals_file",
    "tar_file",
    "task_file",
]

SHARDS_FOLDER = "shards"
SIGNALS_FILES = "signals/*.parquet"
SPLITS_FILE = "splits.parquet"
QUARANTINE_FILE = "quarantine.parquet"
UNUSED_FILE = "unused.parquet"
SPLITS = ("train", "val", "test")

_TIME = pa.timestamp("us", tz="UTC")

INDEX_SCHEMA = pa.schema(
    [
        ("image_id", pa.string()),  # WebDataset key, unique in the corpus
        ("offset", pa.int64()),  # of the image's bytes in the tar
        ("size", pa.int64()),  # bytes
        ("format", pa.string()),  # "png", "jpeg", "webp": from the bytes, not from the name
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("digest", pa.string()),  # SHA-256 of the bytes, hexadecimal
    ]
)
QUARANTINE_SCHEMA = pa.schema(
    [
        ("shard", pa.string()),  # or the file with the metadata
        ("image_id", pa.string()),  # or the file_name in the metadata
        ("reason", pa.string()),
    ]
)
UNUSED_SCHEMA = pa.schema(
    [
        ("name", pa.string()),  # a file of the source, or `file: member` or `file: row`
        ("reason", pa.string()),
    ]
)
SIGNALS_SCHEMA = pa.schema(
    [
        ("post_id", pa.string()),
        ("image_id", pa.string()),
        ("source", pa.string()),  # one of TEXT_SOURCES (vitrail.contracts.text_sources), or any other name
        ("text", pa.string()),
        ("weight", pa.float32()),  # engagement or trust; 1 when unknown
        ("language", pa.string()),  # ISO 639-1, null when unknown
        ("observed_at", _TIME),
    ]
)
SPLITS_SCHEMA = pa.schema(
    [
        ("image_id", pa.string()),
        ("group", pa.string()),  # images of one group never straddle a split
        ("split", pa.string()),  # one of SPLITS
        ("domain", pa.string()),  # style, camera, shop or catalogue; null when there is one domain
    ]
)
TASK_SCHEMA = pa.schema([("image_id", pa.string()), ("label", pa.string()), ("observed_at", _TIME)])


@dataclass(frozen=True, kw_only=True)
class ShardInfo:
    """One tar: its name without extension, how many images were indexed, its size in bytes and its SHA-256."""

    name: str
    num_images: int
    size: int
    digest: str

    def __post_init__(self) -> None:
        require_file_name(self.name, "shard")


@dataclass(frozen=True, kw_only=True)
class TaskInfo:
    """A task the corpus has labels for; what its labels mean is said by its kind (`vitrail.tasks.kinds`).

    `classes` lists the labels in the order of the head's probabilities; a kind whose labels are open has none.
    """

    name: str
    kind: str  # name of a task kind
    description: str
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_task_name(self.name)


@dataclass(frozen=True, kw_only=True)
class CorpusManifest(
    Contract,
    noun="a corpus",
    file="corpus.json",
    error=CorpusError,
    remedy="build the corpus again (`vitrail corpus build`)",
):
    """The card, counts and content digest of a corpus (`corpus.json`)."""

    name: str
    title: str
    description: str
    licences: tuple[str, ...]
    shards: tuple[ShardInfo, ...]
    tasks: tuple[TaskInfo, ...]
    num_images: int
    num_signals: int
    num_quarantined: int
    digest: str  # SHA-256 over the digests of every shard and table; the identity of the corpus

    def __post_init__(self) -> None:
        if not self.shards:
            raise ConfigError("a corpus has one shard or more, not shards=()")
        require_distinct((shard.name for shard in self.shards), "shards")
        require_distinct((task.name for task in self.tasks), "tasks")


def tar_file(shard: str) -> str:
    """Where the tar of a shard lies in a corpus."""
    return f"{SHARDS_FOLDER}/{shard}.tar"


def index_file(shard: str) -> str:
    """Where the index of a shard lies in a corpus."""
    return f"index/{shard}.parquet"


def signals_file(shard: str) -> str:
    """Where the texts of a shard's images lie in a corpus that is built here; others name theirs freely."""
    return f"signals/{shard}.parquet"


def task_file(task: str) -> str:
    """Where the labels of a task lie in a corpus."""
    return f"tasks/{task}.parquet"
