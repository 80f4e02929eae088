"""One source of images: a corpus, the rows of it to draw, and their targets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from vitrail.corpus.corpus import Corpus
from vitrail.corpus.reader.config import ReaderConfig
from vitrail.corpus.reader.image_bytes import CorpusImages, pick
from vitrail.corpus.reader.order import Draws, SourceOrder
from vitrail.corpus.reader.selection import Selection
from vitrail.corpus.reader.targets import Targets
from vitrail.errors import CorpusError

__all__ = ["Source", "Stream"]


@dataclass(frozen=True, kw_only=True)
class Source:
    """A corpus to read from.

    Attributes:
        corpus: The corpus.
        targets: What its images are trained towards; a task that only other sources have is unlabelled here.
        rows: What to use: a selection, or ascending global rows (int64); all when None.
        weight: Share of the places, relative to the other sources.
        sample_weights: How often each of `rows` is due in an epoch (float, parallel to `rows`); once if None.
        missing: What to do about an image without any target: refuse it, leave it out, or read it unlabelled.
            `skip` reads all labels when the reader is opened and keeps a bit a row; the others cost nothing.
    """

    corpus: Corpus
    targets: Sequence[Targets] = ()
    rows: Selection | np.ndarray | None = None
    weight: float = 1.0
    sample_weights: np.ndarray | None = None
    missing: Literal["error", "skip", "unlabelled"] = "unlabelled"


class Stream:
    """One source, opened: its order, its images and their targets."""

    def __init__(self, source: Source, key: int, config: ReaderConfig) -> None:
        """Opens a source under a `key` of seed, place among the sources, and corpus digest.

        Raises:
            LabelError: Targets that were made for another corpus.
            ConfigError: Nothing to draw from, or rows or weights that do not fit.
        """
        for targets in source.targets:
            targets.check(source.corpus.manifest)
        self.key = key
        self.targets = source.targets
        self.images = CorpusImages(
            source.corpus,
            verify_digests=config.verify_digests,
            max_open_tars=config.order.shards_per_group,
        )
        self._refuses_missing = source.missing == "error"
        rows, weights = source.rows, source.sample_weights
        if source.missing == "skip":
            rows, weights = self._keep_labelled(rows, weights)
        self.order = SourceOrder(self.images.starts, key=key, rows=rows, weights=weights, config=config.order)
        self._group: tuple[int, int] | None = None

    def draw(self, first: int, last: int) -> Draws:
        """Entries `first` to `last` of the order; entering a group announces its tars and the next."""
        group = self.order.group_at(first)
        if group != self._group:
            self._group = group
            self.images.announce(self.order.shards_of(*group), self.order.shards_after(*group))
        return self.order.take(first, last)

    def join(self, rows: np.ndarray, items: np.ndarray, targets: dict[str, np.ndarray]) -> list[str]:
        """Writes the targets of ascending `rows` into places `items`, and returns their image_ids.

        Raises:
            LabelError: A sidecar does not list the images of its tar.
            CorpusError: An image has no target, and that is refused.
        """
        image_ids: list[str] = []
        for number, begin, end in self.images.runs(rows):
            shard, ids = self.images.shards[number].name, self.images.index(number).image_ids
            local = rows[begin:end] - self.images.starts[number]
            for source in self.targets:
                for name, values in source.lookup(shard, ids, local).items():
                    targets[name][items[begin:end]] = values.numpy()
            image_ids.extend(pick(ids, local))
            if self._refuses_missing:
                self._demand_labels(number, local)
        return image_ids

    def _demand_labels(self, number: int, local_rows: np.ndarray) -> None:
        is_labelled = self._is_labelled(number, local_rows)
        if not is_labelled.all():
            key = self.images.index(number).image_ids[int(local_rows[np.argmin(is_labelled)])]
            place = f"shard {self.images.shards[number].name}, image {key}"
            raise CorpusError(f"{place} has no label, and missing='error'; label it, or skip such images")

    def _keep_labelled(
        self, rows: Selection | np.ndarray | None, weights: np.ndarray | None
    ) -> tuple[Selection, np.ndarray | None]:
        offered = self._select(rows)
        kept = offered.keep(self._is_labelled)
        if weights is None:
            return kept, None
        parts = []
        for number in range(len(self.images.shards)):
            is_kept = np.isin(offered.rows_of(number), kept.rows_of(number), assume_unique=True)
            parts.append(weights[offered.bounds[number] : offered.bounds[number + 1]][is_kept])
        return kept, np.concatenate(parts)

    def _select(self, rows: Selection | np.ndarray | None) -> Selection:
        if isinstance(rows, Selection):
            return rows
        starts = self.images.starts
        if rows is not None:
            return Selection.of_rows(starts, rows)
        return Selection.of_masks(starts, (np.ones(size, dtype=bool) for size in np.diff(starts)))

    def _is_labelled(self, number: int, local_rows: np.ndarray) -> np.ndarray:
        shard, ids = self.images.shards[number].name, self.images.index(number).image_ids
        labelled = [source.has_label(shard, ids, local_rows) for source in self.targets]
        return np.logical_or.reduce(labelled) if labelled else np.zeros(len(local_rows), dtype=bool)
