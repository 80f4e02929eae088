"""From places of the order to a batch: draw, read, decode, augment, join the targets."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vitrail.config import require
from vitrail.contracts.files import digest_json
from vitrail.contracts.models import Transforms
from vitrail.corpus.pixels.augment import NUM_CHANCES, Augmentation, Changes, draw_chances
from vitrail.corpus.pixels.prepare import prepare_crop
from vitrail.corpus.reader.blend import Blend
from vitrail.corpus.reader.config import ReaderConfig
from vitrail.corpus.reader.order import order_key
from vitrail.corpus.reader.quarantine import BadImage
from vitrail.corpus.reader.source import Source, Stream
from vitrail.corpus.reader.tally import Tally
from vitrail.errors import CorpusError

__all__ = ["Batch", "BatchMaker", "Entries"]


_NOTHING = Tally(labelled={}, labels={}, num_bytes=0)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Images with their targets; B images of S pixels a side, at most K labels each."""

    images: Tensor  # uint8 [B, 3, S, S]
    image_ids: list[str]
    rows: Tensor  # int64 [B] global rows in the corpus of the source
    epochs: Tensor  # int64 [B] of the source
    source: Tensor  # int64 [B]
    targets: dict[str, Tensor]  # int64 [B], or int64 [B, K] with float32 [B, K] under "<task>/weights"
    tally: Tally
    position: int  # places of the order taken by all ranks after this batch
    bad: tuple[BadImage, ...] = ()

    @classmethod
    def of(cls, entries: "Entries", images: Tensor, position: int) -> "Batch":
        """The batch of what a worker process said about it, and its images."""
        return cls(
            images=images,
            image_ids=entries.image_ids,
            rows=torch.from_numpy(entries.rows),
            epochs=torch.from_numpy(entries.epochs),
            source=torch.from_numpy(entries.owners),
            targets={name: torch.from_numpy(values) for name, values in entries.targets.items()},
            tally=entries.tally,
            position=position,
            bad=tuple(entries.bad),
        )


@dataclass
class Entries:
    """All of a batch but its images, in arrays that are cheap to send to another process."""

    owners: np.ndarray  # int64 [B] source of each place
    rows: np.ndarray
    epochs: np.ndarray
    image_ids: list[str]
    targets: dict[str, np.ndarray]
    bad: list[BadImage]
    tally: Tally = _NOTHING

    @classmethod
    def blank(cls, owners: np.ndarray, targets: dict[str, np.ndarray]) -> "Entries":
        """Entries to be filled in."""
        rows, epochs = np.zeros((2, len(owners)), dtype=np.int64)
        return cls(owners, rows, epochs, [""] * len(owners), targets, [])


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
        self._background = np.array(transforms.background, dtype=np.uint8)[:, None, None]
        self._streams = [
            Stream(source, order_key(seed, number, source.corpus.manifest.digest), config)
            for number, source in enumerate(sources)
        ]
        _require_equal_shapes(sources)
        self.epoch_sizes = [stream.order.num_draws for stream in self._streams]
        self._identity = [config.order.digest, [source.weight for source in sources]]

    @property
    def order_digest(self) -> str:
        """See `Reader.order_digest`."""
        order, weights = self._identity
        return digest_json([order, [stream.order.digest for stream in self._streams], weights])

    def make(self, start: int, canvas: np.ndarray) -> Entries:
        """Fills `canvas`, uint8 [B, 3, S, S], with the images of B places from `start` on.

        Raises:
            CorpusError: A tar is not what was indexed, or an image without target is refused.
            LabelError: A sidecar does not list the images of its tar.
        """
        entries, chances = self._draw(start, start + len(canvas))
        reasons, num_bytes = self._decode(entries, chances, canvas)
        if reasons:
            bad = sorted(reasons)
            for name, nothing in self._unlabelled(len(bad)).items():
                entries.targets[name][bad] = nothing
            entries.bad += [self._describe_bad(entries, item, reasons[item]) for item in bad]
        entries.tally = Tally.of(entries.targets, num_bytes)
        return entries

    def _draw(self, start: int, stop: int) -> tuple[Entries, np.ndarray]:
        owners = self.blend.sources(start, stop)
        firsts, lasts = self.blend.cursors(start), self.blend.cursors(stop)
        entries = Entries.blank(owners, self._unlabelled(stop - start))
        chances = np.empty((stop - start, NUM_CHANCES))
        for number in np.unique(owners):
            stream = self._streams[number]
            drawn = stream.draw(int(firsts[number]), int(lasts[number]))
            by_row = np.argsort(drawn.rows, kind="stable")  # tars are read forwards
            epochs, rows, copies = drawn.epochs[by_row], drawn.rows[by_row], drawn.copies[by_row]
            items = np.flatnonzero(owners == number)[by_row]
            entries.epochs[items], entries.rows[items] = epochs, rows
            chances[items] = draw_chances(stream.key, epochs, rows, copies)
            image_ids = stream.join(rows, items, entries.targets)
            for item, image_id in zip(items.tolist(), image_ids, strict=True):
                entries.image_ids[item] = image_id
        return entries, chances

    def _decode(self, entries: Entries, chances: np.ndarray, canvas: np.ndarray) -> tuple[dict[int, str], int]:
        """Why images are bad, by item, and the encoded size of all."""
        changes = Changes(self._augmentation, chances, self._transforms.image_size)
        reasons: dict[int, str] = {}
        num_bytes = 0
        for number in np.unique(entries.owners):
            items = np.flatnonzero(entries.owners == number)
            items = items[np.argsort(entries.rows[items], kind="stable")]
            encoded = self._streams[number].images.read(entries.rows[items])
            for item, data in zip(items.tolist(), encoded, strict=True):
                num_bytes += len(data)
                place = (changes.sides[item], changes.lefts[item], changes.tops[item])
                try:
                    part = prepare_crop(data, self._transforms, *place, limits=self._limits)
                    changes.write(item, part, canvas[item])
                except CorpusError as error:
                    canvas[item] = self._background
                    reasons[item] = str(error)
        return reasons, num_bytes

    def _describe_bad(self, entries: Entries, item: int, reason: str) -> BadImage:
        images = self._streams[entries.owners[item]].images
        shard = images.shard_at(int(entries.rows[item])).name
        return BadImage(
            corpus=images.corpus.manifest.name,
            shard=shard,
            image_id=entries.image_ids[item],
            reason=reason,
            item=item,
        )

    def _unlabelled(self, num_images: int) -> dict[str, np.ndarray]:
        found: dict[str, np.ndarray] = {}
        for stream in self._streams:
            for targets in stream.targets:
                found.update((name, v.numpy()) for name, v in targets.unlabelled(num_images).items())
        return found


def _require_equal_shapes(sources: Sequence[Source]) -> None:
    shapes: dict[str, tuple[int, ...]] = {}
    for source in sources:
        for targets in source.targets:
            for name, values in targets.unlabelled(1).items():
                shape = shapes.setdefault(name, tuple(values.shape))
                is_equal = shape == tuple(values.shape)
                require(is_equal, name, tuple(values.shape), f"give every source the same max_labels ({shape})")
