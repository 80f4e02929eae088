"""From places of the order to a batch: draw, read, decode, augment, join the targets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from vitrail.config import require
from vitrail.contracts.files import digest_json
from vitrail.contracts.models import Transforms
from vitrail.corpus.augment import NUM_CHANCES, Augmentation, adjust_batch, draw_chances, plan_crops
from vitrail.corpus.blend import Blend
from vitrail.corpus.corpus import Corpus
from vitrail.corpus.decode import prepare_image
from vitrail.corpus.images import CorpusImages
from vitrail.corpus.order import SourceOrder, order_key
from vitrail.corpus.reading import ReaderConfig
from vitrail.corpus.storage import ShardStorage
from vitrail.corpus.targets import Targets
from vitrail.errors import CorpusError

__all__ = ["BadImage", "Batch", "BatchMaker", "Source"]


@dataclass(frozen=True, kw_only=True)
class Source:
    """A corpus to read from.

    Attributes:
        corpus: The corpus.
        targets: What its images are trained towards; a task that only other sources have is unlabelled here.
        rows: Ascending global rows to use (int64, may be a memory map); all when None.
        weight: Share of the places, relative to the other sources.
        sample_weights: How often each of `rows` is due in an epoch (float, parallel to `rows`); once when None.
        missing: What to do about an image without any target: refuse it, leave it out, or read it unlabelled.
            `skip` reads all labels when the reader is opened (O(rows)); the others cost nothing.
        storage: Where the tars lie; beside the manifest when None.
    """

    corpus: Corpus
    targets: Sequence[Targets] = ()
    rows: np.ndarray | None = None
    weight: float = 1.0
    sample_weights: np.ndarray | None = None
    missing: Literal["error", "skip", "unlabelled"] = "unlabelled"
    storage: ShardStorage | None = None


@dataclass(frozen=True, kw_only=True)
class BadImage:
    """An image that could not be decoded, and where it stands in the batch."""

    shard: str
    image_id: str
    reason: str
    item: int


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Images with their targets; B images of S pixels a side, at most K labels each."""

    images: Tensor  # uint8 [B, 3, S, S]
    image_ids: list[str]
    rows: Tensor  # int64 [B] global rows in the corpus of the source
    epochs: Tensor  # int64 [B] of the source
    source: Tensor  # int64 [B]
    targets: dict[str, Tensor]  # int64 [B], or int64 [B, K] with float32 [B, K] under "<task>/weights"
    position: int  # places of the order taken by all ranks after this batch
    bad: tuple[BadImage, ...] = ()


class BatchMaker:
    """Makes the batch for any run of places; keeps caches, but nothing that a batch depends on."""

    def __init__(
        self,
        sources: Sequence[Source],
        transforms: Transforms,
        augmentation: Augmentation,
        seed: int,
        config: ReaderConfig,
    ) -> None:
        self.blend = Blend([source.weight for source in sources])
        self._transforms = transforms
        self._augmentation = augmentation
        self._limits = config.limits
        self._streams = [
            _Stream(source, order_key(seed, number, source.corpus.manifest.digest), config)
            for number, source in enumerate(sources)
        ]
        _require_equal_shapes(sources)
        self.epoch_sizes = [stream.order.num_draws for stream in self._streams]
        parts = [
            [stream.key, stream.order.digest, source.weight]
            for stream, source in zip(self._streams, sources, strict=True)
        ]
        self.order_digest = digest_json([config.order.digest, parts])

    def make(self, start: int, stop: int, position: int) -> Batch:
        """The batch of places `start` to `stop`; `position` is handed through.

        Raises:
            CorpusError: A tar is not what was indexed, or an image without target is refused.
            LabelError: A sidecar does not list the images of its tar.
        """
        owners = self.blend.sources(start, stop)
        firsts, lasts = self.blend.cursors(start), self.blend.cursors(stop)
        size = stop - start
        rows, epochs = np.empty((2, size), dtype=np.int64)
        chances = np.empty((size, NUM_CHANCES))
        image_ids = np.empty(size, dtype=object)
        targets = self._unlabelled(size)
        runs: list[tuple[_Stream, np.ndarray]] = []
        for number in np.unique(owners):
            stream = self._streams[number]
            drawn = stream.order.take(int(firsts[number]), int(lasts[number]))
            by_row = np.argsort(drawn.rows, kind="stable")  # tars are read forwards
            items = np.flatnonzero(owners == number)[by_row]
            rows[items], epochs[items], copies = (
                drawn.rows[by_row],
                drawn.epochs[by_row],
                drawn.copies[by_row],
            )
            chances[items] = draw_chances(stream.key, epochs[items], rows[items], copies)
            image_ids[items] = stream.join(rows[items], items, targets)
            runs.append((stream, items))
        pixels, reasons = self._decode(runs, rows, chances)
        nothing = self._unlabelled(1)
        for item in reasons:
            for name, values in targets.items():
                values[item] = nothing[name][0]
        images = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()
        return Batch(
            images=adjust_batch(self._augmentation, chances, images),
            image_ids=image_ids.tolist(),
            rows=torch.from_numpy(rows),
            epochs=torch.from_numpy(epochs),
            source=torch.from_numpy(owners),
            targets=targets,
            position=position,
            bad=tuple(
                BadImage(
                    shard=self._streams[owners[item]].images.shard_at(int(rows[item])).name,
                    image_id=image_ids[item],
                    reason=reason,
                    item=item,
                )
                for item, reason in sorted(reasons.items())
            ),
        )

    def _unlabelled(self, num_images: int) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for stream in self._streams:
            for targets in stream.targets:
                found.update(targets.unlabelled(num_images))
        return found

    def _decode(
        self, runs: list[tuple["_Stream", np.ndarray]], rows: np.ndarray, chances: np.ndarray
    ) -> tuple[np.ndarray, dict[int, str]]:
        side = self._transforms.image_size
        plan = plan_crops(self._augmentation, chances, side)
        pixels = np.empty((len(rows), side, side, 3), dtype=np.uint8)
        reasons: dict[int, str] = {}
        for stream, items in runs:
            for item in items.tolist():
                data = stream.images.read(int(rows[item]))
                try:
                    square = prepare_image(data, plan.fit(item, self._transforms), self._limits)
                    pixels[item] = plan.cut(item, square, side)
                except CorpusError as error:
                    pixels[item] = self._transforms.background
                    reasons[item] = str(error)
        return pixels, reasons


class _Stream:
    """One source, opened."""

    def __init__(self, source: Source, key: int, config: ReaderConfig) -> None:
        for targets in source.targets:
            targets.check(source.corpus.manifest)
        self.key = key
        self.targets = source.targets
        self.images = CorpusImages(
            source.corpus, storage=source.storage, verify_digests=config.verify_digests
        )
        self._refuses_missing = source.missing == "error"
        rows, weights = source.rows, source.sample_weights
        if source.missing == "skip":
            rows, weights = self._keep_labelled(rows, weights)
        self.order = SourceOrder(self.images.starts, key=key, rows=rows, weights=weights, config=config.order)

    def join(self, rows: np.ndarray, items: np.ndarray, targets: dict[str, Tensor]) -> list[str]:
        """Writes the targets of ascending `rows` into places `items`, and returns their image_ids."""
        image_ids: list[str] = []
        for number, begin, end in self.images.runs(rows):
            shard, ids = self.images.shards[number].name, self.images.index(number).image_ids
            local = rows[begin:end] - self.images.starts[number]
            names = ids.take(pa.array(local)).to_pylist()
            is_labelled = np.zeros(end - begin, dtype=bool)
            for source in self.targets:
                for name, values in source.lookup(shard, ids, local).items():
                    targets[name][items[begin:end]] = values
                is_labelled |= source.has_label(shard, ids, local)
            if self._refuses_missing and not is_labelled.all():
                key = names[int(np.argmin(is_labelled))]
                raise CorpusError(
                    f"shard {shard}, image {key}: no label, and the recipe says missing='error'"
                )
            image_ids.extend(names)
        return image_ids

    def _keep_labelled(
        self, rows: np.ndarray | None, weights: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        rows = np.arange(self.images.starts[-1]) if rows is None else rows
        is_kept = np.zeros(len(rows), dtype=bool)
        for number, begin, end in self.images.runs(rows):
            shard, ids = self.images.shards[number].name, self.images.index(number).image_ids
            for targets in self.targets:
                is_kept[begin:end] |= targets.has_label(
                    shard, ids, rows[begin:end] - self.images.starts[number]
                )
        return rows[is_kept], None if weights is None else weights[is_kept]


def _require_equal_shapes(sources: Sequence[Source]) -> None:
    shapes: dict[str, tuple[int, ...]] = {}
    for source in sources:
        for targets in source.targets:
            for name, values in targets.unlabelled(1).items():
                shape = shapes.setdefault(name, tuple(values.shape))
                is_equal = shape == tuple(values.shape)
                require(
                    is_equal, name, tuple(values.shape), f"give every source the same max_labels ({shape})"
                )
