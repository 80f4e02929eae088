"""Why an image has its labels, and how much each source of text matters."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import daft
import pyarrow as pa
import pyarrow.compute as pc
from daft import col

from vitrail.corpus import Corpus, open_corpus
from vitrail.errors import LabelError
from vitrail.labels.label_set.opened import LabelSet, open_labels

__all__ = ["Explanation", "LabelReason", "Vote", "explain_image", "source_support"]


@dataclass(frozen=True, kw_only=True)
class Vote:
    """A signal that said a term of a label."""

    term: str
    post_id: str
    source: str
    score: float


@dataclass(frozen=True, kw_only=True)
class LabelReason:
    """A label of an image, the cluster behind it, and the votes for it."""

    label_id: int
    term: str
    members: tuple[str, ...]
    score: float
    votes: tuple[Vote, ...]


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """All text of an image as (source, language, text), and its labels, best first."""

    image_id: str
    shard: str
    texts: tuple[tuple[str, str | None, str], ...]
    labels: tuple[LabelReason, ...]


def explain_image(corpus: Path, labels: Path, image_id: str) -> Explanation:
    """Collects what the labels of an image rest on.

    Raises:
        LabelError: The label set has no such image, or is of another corpus.
    """
    opened, label_set = open_corpus(Path(corpus)), open_labels(labels)
    label_set.require_corpus(opened)
    shard, record = _find(label_set, image_id)
    table = label_set.votes(shard)
    votes = table.filter(pc.equal(table["image_id"], image_id)).to_pylist()
    entries = {entry["label_id"]: entry for entry in label_set.vocabulary().to_pylist()}
    reasons = tuple(
        LabelReason(
            label_id=label_id,
            term=entries[label_id]["term"],
            members=tuple(entries[label_id]["members"]),
            score=score,
            votes=tuple(
                Vote(term=vote["term"], post_id=vote["post_id"], source=vote["source"], score=vote["score"])
                for vote in votes
                if vote["label_id"] == label_id
            ),
        )
        for label_id, score in zip(record["label_ids"], record["scores"], strict=True)
    )
    return Explanation(image_id=image_id, shard=shard, texts=_texts(opened, image_id), labels=reasons)


def _find(labels: LabelSet, image_id: str) -> tuple[str, dict[str, Any]]:
    for shard in labels.manifest.shards:
        sidecar = labels.sidecar(shard)
        row = pc.index(sidecar["image_id"], pa.scalar(image_id)).as_py()
        if row >= 0:
            return shard, sidecar.slice(row, 1).to_pylist()[0]
    raise LabelError(f"image {image_id!r} is not in {labels.path}; ids are listed in the index/ files of its corpus")


def _texts(corpus: Corpus, image_id: str) -> tuple[tuple[str, str | None, str], ...]:
    frame = daft.read_parquet([str(path) for path in corpus.signal_files()]).where(col("image_id") == image_id)
    rows = frame.select("source", "language", "text").to_pylist()
    return tuple(sorted(((row["source"], row["language"], row["text"] or "") for row in rows), key=str))


def source_support(labels: LabelSet) -> pa.Table:
    """Per source: its votes, the (image, label) pairs it supports, and those that only it supports.

    The last column is what leaving the source out would cost.
    """
    parts = [_support_of(labels.votes(shard)) for shard in labels.manifest.shards]  # an image is in one shard
    table = pa.concat_tables(parts).group_by("source").aggregate([(name, "sum") for name in _SUPPORT])
    return table.rename_columns(["source", *_SUPPORT]).sort_by("source")


_SUPPORT = ("num_votes", "num_labels", "num_sole_labels")


def _support_of(votes: pa.Table) -> pa.Table:
    by_pair = votes.group_by(["image_id", "label_id", "source"]).aggregate([("term", "count")])
    sources = by_pair.group_by(["image_id", "label_id"]).aggregate([("source", "count")])
    table = by_pair.join(sources, ["image_id", "label_id"])
    table = table.append_column("alone", pc.cast(pc.equal(table["source_count"], 1), pa.int64()))
    support = table.group_by("source").aggregate([("term_count", "sum"), ("label_id", "count"), ("alone", "sum")])
    return support.rename_columns(["source", *_SUPPORT])
