"""From places of the order to a batch: draw, read, decode, augment, join the targets."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vitrail.config import require
from vitrail.contracts.files import digest_json
from vitrail.contracts.models import Transforms
from vitrail.corpus.augment import NUM_CHANCES, Augmentation, Changes, draw_chances
from vitrail.corpus.blend import Blend
from vitrail.corpus.decode import prepare_crop
from vitrail.corpus.order import order_key
from vitrail.corpus.reading import ReaderConfig
from vitrail.corpus.source import Source, Stream
from vitrail.errors import CorpusError

__all__ = ["BadImage", "Batch", "BatchMaker"]


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
        self._background = np.array(transforms.background, dtype=np.uint8)[:, None, None]
        self._streams = [
            Stream(source, order_key(seed, number, source.corpus.manifest.digest), config)
            for number, source in enumerate(sources)
        ]
        _require_equal_shapes(sources)
        self.epoch_sizes = [stream.order.num_draws for stream in self._streams]
        orders = [stream.order.digest for stream in self._streams]
        self.order_digest = digest_json([config.order.digest, orders, [source.weight for source in sources]])

    def make(self, start: int, stop: int, position: int) -> Batch:
        """The batch of places `start` to `stop`; `position` is handed through.

        Raises:
            CorpusError: A tar is not what was indexed, or an image without target is refused.
            LabelError: A sidecar does not list the images of its tar.
        """
        sheet = self._draw(start, stop)
        images, reasons = self._decode(sheet)
        nothing = self._unlabelled(1)
        for item in reasons:
            for name, values in sheet.targets.items():
                values[item] = nothing[name][0]
        return Batch(
            images=images,
            image_ids=sheet.image_ids.tolist(),
            rows=torch.from_numpy(sheet.rows),
            epochs=torch.from_numpy(sheet.epochs),
            source=torch.from_numpy(sheet.owners),
            targets=sheet.targets,
            position=position,
            bad=tuple(self._describe_bad(sheet, item, reason) for item, reason in sorted(reasons.items())),
        )

    def _draw(self, start: int, stop: int) -> "_Sheet":
        owners = self.blend.sources(start, stop)
        firsts, lasts = self.blend.cursors(start), self.blend.cursors(stop)
        sheet = _Sheet.blank(owners, self._unlabelled(stop - start))
        for number in np.unique(owners):
            stream = self._streams[number]
            drawn = stream.draw(int(firsts[number]), int(lasts[number]))
            by_row = np.argsort(drawn.rows, kind="stable")  # tars are read forwards
            epochs, rows, copies = (values[by_row] for values in drawn)
            items = np.flatnonzero(owners == number)[by_row]
            sheet.epochs[items], sheet.rows[items] = epochs, rows
            sheet.chances[items] = draw_chances(stream.key, epochs, rows, copies)
            sheet.image_ids[items] = stream.join(rows, items, sheet.targets)
        return sheet

    def _decode(self, sheet: "_Sheet") -> tuple[Tensor, dict[int, str]]:
        side = self._transforms.image_size
        changes = Changes(self._augmentation, sheet.chances, side)
        images = np.empty((len(sheet.rows), 3, side, side), dtype=np.uint8)
        reasons: dict[int, str] = {}
        for item in np.lexsort((sheet.rows, sheet.owners)).tolist():
            data = self._streams[sheet.owners[item]].images.read(int(sheet.rows[item]))
            place = (changes.sides[item], changes.lefts[item], changes.tops[item])
            try:
                part = prepare_crop(data, self._transforms, *place, limits=self._limits)
                changes.write(item, part, images[item])
            except CorpusError as error:
                images[item] = self._background
                reasons[item] = str(error)
        return torch.from_numpy(images), reasons

    def _describe_bad(self, sheet: "_Sheet", item: int, reason: str) -> BadImage:
        shard = self._streams[sheet.owners[item]].images.shard_at(int(sheet.rows[item]))
        return BadImage(shard=shard.name, image_id=sheet.image_ids[item], reason=reason, item=item)

    def _unlabelled(self, num_images: int) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for stream in self._streams:
            for targets in stream.targets:
                found.update(targets.unlabelled(num_images))
        return found


@dataclass
class _Sheet:
    """What is known of each place of a batch before its image is decoded."""

    owners: np.ndarray  # source of each place
    rows: np.ndarray
    epochs: np.ndarray
    chances: np.ndarray  # for the augmentation
    image_ids: np.ndarray
    targets: dict[str, Tensor]

    @classmethod
    def blank(cls, owners: np.ndarray, targets: dict[str, Tensor]) -> "_Sheet":
        size = len(owners)
        rows, epochs = np.zeros((2, size), dtype=np.int64)
        image_ids = np.empty(size, dtype=object)
        return cls(owners, rows, epochs, np.empty((size, NUM_CHANCES)), image_ids, targets)


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
