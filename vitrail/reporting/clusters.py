"""Labels as a person judges them: their terms, how close those are, and images that carry them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vitrail.labels import LabelSet

__all__ = ["Cluster", "Member", "describe_clusters", "find_images", "find_voted_images", "suspects"]

_MOST_SHARDS = 64  # read for pictures: of a corpus with more, the labels of the first are shown


@dataclass(frozen=True, kw_only=True)
class Member:
    """A term of a label."""

    term: str
    language: str
    num_images: int
    closeness: float


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A label with its terms, the most frequent first."""

    label_id: int
    term: str
    frequency: int
    band: str
    level: int
    members: tuple[Member, ...]

    @property
    def closeness(self) -> float:
        """Of the term that is furthest from the others."""
        return min(member.closeness for member in self.members)

    @property
    def languages(self) -> tuple[str, ...]:
        """Of the terms."""
        return tuple(sorted({member.language for member in self.members}))


def describe_clusters(labels: LabelSet) -> list[Cluster]:
    """All labels, in the order of the vocabulary."""
    members: dict[int, list[Member]] = {}
    for row in labels.members().drop_columns("level").to_pylist():
        members.setdefault(row.pop("label_id"), []).append(Member(**row))
    columns = labels.vocabulary().select(["label_id", "term", "frequency", "band", "level"]).to_pylist()
    return [Cluster(**row, members=tuple(members[row["label_id"]])) for row in columns]


def suspects(clusters: Iterable[Cluster], count: int) -> list[Cluster]:
    """What an auditor looks at first: merged labels with the least close term, the more frequent one first.

    Those of the finest level come before all others, which join things of several meanings on purpose.
    """
    merged = [cluster for cluster in clusters if len(cluster.members) > 1]
    return sorted(merged, key=_doubt)[:count]


def _doubt(cluster: Cluster) -> tuple[int, float, int, int]:
    return cluster.level, cluster.closeness, -cluster.frequency, cluster.label_id


def find_images(labels: LabelSet, label_ids: Collection[int], most: int) -> dict[int, list[str]]:
    """Up to `most` images of each label, those it fits best in their shard first."""
    found: dict[int, list[str]] = {label_id: [] for label_id in label_ids}
    for shard in labels.manifest.shards[:_MOST_SHARDS]:
        sidecar = labels.sidecar(shard)
        lists = sidecar["label_ids"].combine_chunks()
        flat, owner = lists.flatten(), pc.list_parent_indices(lists)
        wanted = pa.array([label_id for label_id, images in found.items() if len(images) < most], pa.int64())
        at = np.flatnonzero(pc.is_in(flat, value_set=wanted).to_numpy(zero_copy_only=False))
        scores = sidecar["scores"].combine_chunks().flatten().to_numpy()[at]
        for position in at[np.argsort(-scores, kind="stable")].tolist():
            images = found[flat[position].as_py()]
            if len(images) < most:
                images.append(sidecar["image_id"][owner[position].as_py()].as_py())
        if all(len(images) >= most for images in found.values()):
            break
    return found


def find_voted_images(labels: LabelSet, label_id: int, most: int) -> dict[str, list[str]]:
    """Up to `most` images that carry the label through each of its terms; none when votes were not written."""
    found: dict[str, list[str]] = {}
    for shard in labels.manifest.shards[:_MOST_SHARDS]:
        votes = labels.votes(shard)
        own = votes.filter(pc.equal(votes["label_id"], label_id)).group_by(["term", "image_id"], use_threads=False)
        for row in own.aggregate([]).to_pylist():
            images = found.setdefault(row["term"], [])
            if len(images) < most:
                images.append(row["image_id"])
    return found
