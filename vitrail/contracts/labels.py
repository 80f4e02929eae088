"""The label-set contract: weak labels for the images of one corpus, without touching an image.

labels.json                LabelSetManifest
vocabulary.parquet         VOCABULARY_SCHEMA, row i is the label with head output i
dictionary.parquet         DICTIONARY_SCHEMA, every candidate term, with the reason when it was rejected
members.parquet            MEMBERS_SCHEMA, the terms of each label and how close they are, for audits
diff.json                  LabelDiff, what changed since the previous label set, when there was one
shards/00000.parquet       SIDECAR_SCHEMA, one row per row of index/00000.parquet, in the same order
votes/00000.parquet        VOTES_SCHEMA, which signals voted for which label
judged.parquet, scorer.json   only when judgements trained the scorer: their features, and the boosted trees
"""

from dataclasses import dataclass, field

import pyarrow as pa

from vitrail.contracts.contract import Contract
from vitrail.contracts.names import require_file_name
from vitrail.errors import LabelError

__all__ = [
    "BANDS",
    "DICTIONARY_FILE",
    "DICTIONARY_SCHEMA",
    "JUDGED_FILE",
    "MEMBERS_FILE",
    "MEMBERS_SCHEMA",
    "SCORER_FILE",
    "SIDECAR_SCHEMA",
    "VOCABULARY_FILE",
    "VOCABULARY_SCHEMA",
    "VOTES_SCHEMA",
    "LabelDiff",
    "LabelSetManifest",
    "Moves",
    "sidecar_file",
    "votes_file",
]

VOCABULARY_FILE = "vocabulary.parquet"
DICTIONARY_FILE = "dictionary.parquet"
MEMBERS_FILE = "members.parquet"
JUDGED_FILE = "judged.parquet"
SCORER_FILE = "scorer.json"
BANDS = ("head", "mid", "tail")

VOCABULARY_SCHEMA = pa.schema(
    [
        ("label_id", pa.int64()),  # stable over derivations; not the head output
        ("term", pa.string()),  # its most frequent canonical term, three at coarser levels; some are there twice
        ("members", pa.list_(pa.string())),  # names of the terms merged into the label, most frequent first
        ("language", pa.string()),  # of `term`
        ("frequency", pa.int64()),  # images that carry the label
        ("idf", pa.float32()),
        ("band", pa.string()),  # one of BANDS
        ("level", pa.int8()),  # of the hierarchy: 0 for the finest, where every term is in one label
    ]
)
DICTIONARY_SCHEMA = pa.schema(
    [
        ("term", pa.string()),  # normalised surface form
        ("canonical", pa.string()),  # equal to `term`, or the variant it is counted as
        ("language", pa.string()),  # whose dictionary the entry is of
        ("num_images", pa.int64()),
        ("idf", pa.float32()),
        ("reason", pa.string()),  # null: accepted; else why it was rejected
    ]
)
MEMBERS_SCHEMA = pa.schema(
    [
        ("label_id", pa.int64()),  # in the order of the vocabulary
        ("term", pa.string()),  # canonical; in the order of the label's members
        ("language", pa.string()),
        ("num_images", pa.int64()),  # of the dictionary's sample
        ("closeness", pa.float32()),  # mean cosine of its images with those of the other members; 1 when alone
        ("level", pa.int8()),  # of the label; a term is in one label of each level, or in that of the finer one
    ]
)
SIDECAR_SCHEMA = pa.schema(
    [
        ("image_id", pa.string()),
        ("label_ids", pa.list_(pa.int64())),  # best first; empty when the image has no label
        ("scores", pa.list_(pa.float32())),  # in [0, 1], parallel to label_ids
    ]
)
VOTES_SCHEMA = pa.schema(
    [
        ("image_id", pa.string()),
        ("label_id", pa.int64()),
        ("term", pa.string()),
        ("post_id", pa.string()),
        ("source", pa.string()),
        ("score", pa.float32()),
    ]
)


@dataclass(frozen=True, kw_only=True)
class LabelSetManifest(
    Contract,
    noun="a label set",
    file="labels.json",
    error=LabelError,
    remedy="derive the labels again (`vitrail labels derive`)",
    version=2,
):
    """What a label set was derived from, and how large it is (`labels.json`)."""

    corpus_digest: str
    config_digest: str
    digest: str  # SHA-256 over the digests of vocabulary and sidecars; the identity of the label set
    shards: tuple[str, ...]
    num_labels: int
    num_images_labelled: int
    num_images: int
    num_signals: int
    num_signals_skipped: dict[str, int]  # by reason; "read_in_part": those whose first 64 KB alone were read
    is_sampled: bool = False  # the dictionary's counts are of a sample of the signals
    sidecar_digests: dict[str, str] = field(default_factory=dict)  # SHA-256 by shard; readers compare it
    max_labels: int = 16  # of one image, the best ones: as many as readers take

    def __post_init__(self) -> None:
        for shard in self.shards:
            require_file_name(shard, "shard")
        if self.max_labels < 1:
            raise ValueError(f"max_labels={self.max_labels}: readers take at least 1 label of an image")


@dataclass(frozen=True, kw_only=True)
class Moves:
    """Labels by what became of them: every old and every new label is in one list at least."""

    kept: tuple[int, ...]  # ids in both
    merged: dict[int, tuple[int, ...]]  # new id: the old ids whose terms mostly went into it, unless it is kept of one
    split: dict[int, tuple[int, ...]]  # old id: new ids that took a part of its terms, its own included
    new: tuple[int, ...]  # new ids that share no term with an old label
    lost: tuple[int, ...]  # old ids none of whose terms is in a label
    churn: float  # share of old term mentions whose term is now in no label or in one with another id


@dataclass(frozen=True, kw_only=True)
class LabelDiff(
    Moves,
    Contract,
    noun="a label set derived with an earlier one",
    file="diff.json",
    error=LabelError,
    remedy="derive the labels again with the earlier label set as previous",
):
    """What became of the labels of OLD in NEW."""

    old_digest: str
    new_digest: str
    tail_mass: tuple[float, float]  # share of (image, label) pairs in the tail band, old and new


def sidecar_file(shard: str) -> str:
    """Where the labels of a shard's images lie in a label set."""
    return f"shards/{shard}.parquet"


def votes_file(shard: str) -> str:
    """Where the signals behind the labels of a shard lie in a label set."""
    return f"votes/{shard}.parquet"
