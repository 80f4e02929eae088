"""What an image is trained towards: task labels from a table, or weak labels from the sidecar of its tar."""

import functools
import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch import Tensor

from vitrail.config import require
from vitrail.contracts.codec import read
from vitrail.contracts.corpus import CorpusManifest
from vitrail.contracts.files import digest_file
from vitrail.contracts.labels import SIDECAR_SCHEMA, VOCABULARY_FILE, VOCABULARY_SCHEMA, LabelSetManifest, sidecar_file
from vitrail.corpus.reader.image_bytes import pick
from vitrail.corpus.reader.label_lists import LabelLists
from vitrail.corpus.store.tables import read_table
from vitrail.errors import LabelError

__all__ = ["WEIGHTS", "ListTargets", "SidecarTargets", "TableTargets", "Targets"]

WEIGHTS = "/weights"  # after the task's name: the scores beside a multilabel target
_CACHED_SHARDS = 64
_DERIVE = "derive the labels again for this corpus (`vitrail labels derive`)"


class Targets(Protocol):
    """Targets of one task, for the images of one corpus."""

    @property
    def task(self) -> str:
        """Name of the task, the key in `Batch.targets`."""

    def check(self, manifest: CorpusManifest) -> None:
        """Refuses a corpus that these targets were not made for."""

    def has_label(self, shard: str, image_ids: pa.Array, rows: np.ndarray) -> np.ndarray:
        """Bool [rows]: which rows of the shard have a label. `image_ids` is the whole index of the shard."""

    def lookup(self, shard: str, image_ids: pa.Array, rows: np.ndarray) -> dict[str, Tensor]:
        """The targets of rows of one shard, as in `Batch.targets`. `image_ids` as above."""

    def unlabelled(self, num_images: int) -> dict[str, Tensor]:
        """The targets of images without a label."""


class TableTargets:
    """Class indices from image_id -> label; for retrieval, images with the same label share an index.

    Memory: one dictionary entry per labelled image.
    """

    def __init__(self, task: str, image_ids: Iterable[str], labels: Iterable[str], classes: Sequence[str]) -> None:
        """Reads the labels.

        Args:
            task: Name of the task.
            image_ids: The labelled images.
            labels: Their labels.
            classes: All labels, in the order of the head's outputs.

        Raises:
            LabelError: A label that is not in `classes`, or an image with two.
        """
        self.task = task
        self.classes = tuple(classes)
        outputs = {label: output for output, label in enumerate(self.classes)}
        self._outputs: dict[str, int] = {}
        for image_id, label in zip(image_ids, labels, strict=True):
            if label not in outputs:
                raise LabelError(f"task {task}: image {image_id} has label {label!r}, which is not a class")
            if self._outputs.setdefault(image_id, outputs[label]) != outputs[label]:
                raise LabelError(f"task {task}: image {image_id} has two labels; keep one")

    @classmethod
    def from_table(cls, task: str, table: pa.Table, classes: Sequence[str] = ()) -> "TableTargets":
        """From a table with `image_id` and `label`; `classes` defaults to the sorted labels."""
        labels = table["label"].to_pylist()
        return cls(task, table["image_id"].to_pylist(), labels, classes or sorted(set(labels)))

    def check(self, manifest: CorpusManifest) -> None:
        """Any corpus will do: images without a row are unlabelled."""

    def has_label(self, shard: str, image_ids: pa.Array, rows: np.ndarray) -> np.ndarray:
        """Bool [rows]: which images are in the table."""
        wanted = pick(image_ids, rows)
        return np.fromiter((image_id in self._outputs for image_id in wanted), bool, len(wanted))

    def lookup(self, shard: str, image_ids: pa.Array, rows: np.ndarray) -> dict[str, Tensor]:
        """Class index per row, -1 without label."""
        wanted = pick(image_ids, rows)
        return {self.task: torch.tensor([self._outputs.get(image_id, -1) for image_id in wanted])}

    def unlabelled(self, num_images: int) -> dict[str, Tensor]:
        """-1 for every image."""
        return {self.task: torch.full((num_images,), -1)}


class _Sidecar:
    """The sidecar of one tar, and the index it was last compared with."""

    def __init__(self, image_ids: pa.Array, lists: LabelLists) -> None:
        self.image_ids = image_ids
        self.lists = lists
        self.joined_to: pa.Array | None = None


class SidecarTargets:
    """Weak labels of a label set, read from the sidecar of each tar when the tar is read.

    Memory: the sidecars of the 64 shards used last.
    """

    def __init__(
        self, folder: Path, *, task: str = "annotations", max_labels: int | None = None, label_ids: Sequence[int] = ()
    ) -> None:
        """Opens a label set.

        Args:
            folder: As `vitrail.contracts.labels` describes it.
            task: Name of the multilabel task.
            max_labels: K, the best labels of an image that are used; None for as many as the label set says.
            label_ids: Of the head's outputs, when it has more labels than those of the vocabulary in their order.
        """
        self.task = task
        self._folder = folder
        self.manifest = read(LabelSetManifest, folder)
        self._max_labels = self.manifest.max_labels if max_labels is None else max_labels
        require(self._max_labels >= 1, "max_labels", self._max_labels, "use at least 1 label an image")
        vocabulary = read_table(folder / VOCABULARY_FILE, VOCABULARY_SCHEMA, _DERIVE)
        self.label_ids = pa.array(label_ids, pa.int64()) if label_ids else vocabulary["label_id"].combine_chunks()
        self._sidecar = functools.lru_cache(maxsize=_CACHED_SHARDS)(self._read_sidecar)

    def check(self, manifest: CorpusManifest) -> None:
        """Refuses another corpus.

        Raises:
            LabelError: The label set was derived from a corpus with another digest.
        """
        if self.manifest.corpus_digest != manifest.digest:
            ours, theirs = self.manifest.corpus_digest[:12], manifest.digest[:12]
            raise LabelError(f"{self._folder} was derived from corpus {ours}, not {theirs}; {_DERIVE}")

    def has_label(self, shard: str, image_ids: pa.Array, rows: np.ndarray) -> np.ndarray:
        """Bool [rows]: which images have at least one label."""
        return self._checked(shard, image_ids).lengths(rows) > 0

    def labels_of(self, shard: str, image_ids: pa.Array, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Labels of each row, and the head outputs of all rows end to end."""
        lists = self._checked(shard, image_ids)
        return lists.lengths(rows), lists.outputs(rows)

    def lookup(self, shard: str, image_ids: pa.Array, rows: np.ndarray) -> dict[str, Tensor]:
        """Head outputs [rows, K], padded with -1, and scores [rows, K], padded with 0."""
        outputs_bk, scores_bk = self._checked(shard, image_ids).pad(rows, self._max_labels)
        return {self.task: outputs_bk, self.task + WEIGHTS: scores_bk}

    def unlabelled(self, num_images: int) -> dict[str, Tensor]:
        """Padding only."""
        return _padding(self.task, num_images, self._max_labels)

    def _checked(self, shard: str, image_ids: pa.Array) -> LabelLists:
        sidecar = self._sidecar(shard)
        if sidecar.joined_to is not image_ids:
            if not sidecar.image_ids.equals(image_ids):
                difference = _first_difference(sidecar.image_ids, image_ids)
                raise LabelError(f"{self._path(shard)} is not the sidecar of shard {shard}: {difference}; {_DERIVE}")
            sidecar.joined_to = image_ids
        return sidecar.lists

    def _path(self, shard: str) -> Path:
        return self._folder / sidecar_file(shard)

    def _read_sidecar(self, shard: str) -> "_Sidecar":
        path = self._path(shard)
        table = read_table(path, SIDECAR_SCHEMA, _DERIVE)
        digest = self.manifest.sidecar_digests.get(shard)
        if digest is not None and digest_file(path) != digest:
            raise LabelError(f"{path} is not the sidecar of shard {shard} in this label set: it changed; {_DERIVE}")
        image_ids = table["image_id"].combine_chunks()
        label_ids, scores = table["label_ids"].combine_chunks(), table["scores"].combine_chunks()
        if not label_ids.value_lengths().equals(scores.value_lengths()):
            raise LabelError(f"{path}: label_ids and scores differ in length; {_DERIVE}")
        outputs = pc.index_in(label_ids.flatten(), value_set=self.label_ids)
        if outputs.null_count:
            at = outputs.is_null().index(True).as_py()
            key, label = image_ids[pc.list_parent_indices(label_ids)[at].as_py()], label_ids.flatten()[at]
            raise LabelError(f"{path}: image {key} has label {label}, which is not in vocabulary.parquet; {_DERIVE}")
        lists = LabelLists(label_ids.offsets.to_numpy(), outputs.to_numpy(), scores.flatten().to_numpy())
        return _Sidecar(image_ids, lists)


def _first_difference(labelled: pa.Array, indexed: pa.Array) -> str:
    pairs = itertools.zip_longest(labelled.to_pylist(), indexed.to_pylist())
    row, (ours, theirs) = next((row, pair) for row, pair in enumerate(pairs) if pair[0] != pair[1])
    return f"row {row} has labels for image {ours!r}, and the tar has {theirs!r} there"


class ListTargets:
    """Weak labels from a table in memory: image_id -> head outputs and scores (as of a label's time, say)."""

    def __init__(
        self,
        task: str,
        targets: Mapping[str, tuple[Sequence[int], Sequence[float]]],
        *,
        max_labels: int | None = None,
    ) -> None:
        """Keeps the targets.

        Args:
            task: Name of the multilabel task.
            targets: Head outputs, best first, and their scores, by image_id.
            max_labels: K, the best labels of an image that are used; None for all.
        """
        longest = max((len(outputs) for outputs, _ in targets.values()), default=0)
        self.task = task
        self._max_labels = max(longest, 1) if max_labels is None else max_labels
        require(self._max_labels >= 1, "max_labels", self._max_labels, "use at least 1 label an image")
        self._rows = {image_id: row for row, image_id in enumerate(targets)}
        for image_id, (outputs, scores) in targets.items():
            if len(outputs) != len(scores):
                raise LabelError(f"task {task}: image {image_id} has not one score for each head output")
        offsets = np.cumsum([0] + [len(outputs) for outputs, _ in targets.values()])
        all_outputs = np.array([output for outputs, _ in targets.values() for output in outputs], dtype=np.int64)
        all_scores = np.array([score for _, scores in targets.values() for score in scores], dtype=np.float32)
        self._lists = LabelLists(offsets, all_outputs, all_scores)

    def check(self, manifest: CorpusManifest) -> None:
        """Any corpus will do: images that are not listed are unlabelled."""

    def has_label(self, shard: str, image_ids: pa.Array, rows: np.ndarray) -> np.ndarray:
        """Bool [rows]: which images have at least one label."""
        own = self._own_rows(image_ids, rows)
        is_labelled = own >= 0
        is_labelled[is_labelled] = self._lists.lengths(own[is_labelled]) > 0
        return is_labelled

    def lookup(self, shard: str, image_ids: pa.Array, rows: np.ndarray) -> dict[str, Tensor]:
        """Head outputs [rows, K], padded with -1, and scores [rows, K], padded with 0."""
        own = self._own_rows(image_ids, rows)
        found = _padding(self.task, len(own), self._max_labels)
        is_listed = torch.from_numpy(own >= 0)
        outputs_bk, scores_bk = self._lists.pad(own[own >= 0], self._max_labels)
        found[self.task][is_listed] = outputs_bk
        found[self.task + WEIGHTS][is_listed] = scores_bk
        return found

    def unlabelled(self, num_images: int) -> dict[str, Tensor]:
        """Padding only."""
        return _padding(self.task, num_images, self._max_labels)

    def _own_rows(self, image_ids: pa.Array, rows: np.ndarray) -> np.ndarray:
        wanted = pick(image_ids, rows)
        return np.array([self._rows.get(image_id, -1) for image_id in wanted], dtype=np.int64)


def _padding(task: str, num_images: int, width: int) -> dict[str, Tensor]:
    return {task: torch.full((num_images, width), -1), task + WEIGHTS: torch.zeros(num_images, width)}
