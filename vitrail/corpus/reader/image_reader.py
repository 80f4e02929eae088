"""The image reader: batches of pixels and targets from any position of an endless, exactly resumable order.

The order of all sources together is one sequence (see `order` and `blend`). A batch of all ranks takes the
next `world_size * batch_size` places of it, each rank a run of `batch_size`; the state is the number of
places taken. So a run goes on exactly where it stopped, with any number of ranks, workers and images a
batch.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from torch import Tensor

from vitrail.config import require
from vitrail.contracts.models import Transforms
from vitrail.corpus.corpus import Corpus
from vitrail.corpus.pixels.augment import Augmentation
from vitrail.corpus.reader.assembly import Batch, BatchMaker
from vitrail.corpus.reader.config import ReaderConfig
from vitrail.corpus.reader.image_bytes import CorpusImages
from vitrail.corpus.reader.loading import load_ahead
from vitrail.corpus.reader.quarantine import BadImage, Quarantine
from vitrail.corpus.reader.source import Source
from vitrail.errors import CorpusError, VitrailError

__all__ = ["BadImage", "Batch", "Reader", "ReaderStatistics", "Source", "read_images"]


@dataclass
class ReaderStatistics:
    """What a reader has handed out since it was made."""

    num_images: int = 0
    num_bad: int = 0  # places filled by a masked image, counted each time


class Reader:
    """Iterates over batches, epoch after epoch without end.

    A place whose image cannot be decoded holds the background colour and no target, so that batches keep
    their shape on every rank and the order stays exact; it is listed in `Batch.bad` and in `quarantine`, and
    counted in `statistics`.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        *,
        transforms: Transforms,
        augmentation: Augmentation,
        batch_size: int,
        rank: int = 0,
        world_size: int = 1,
        seed: int = 0,
        num_workers: int = 0,
        position: int = 0,
        config: ReaderConfig | None = None,
        quarantine: Path | None = None,
        pin_memory: bool = False,
    ) -> None:
        """Opens the sources; no image is read before iteration.

        Args:
            sources: What to read, each with its share of the places.
            transforms: The model's input.
            augmentation: Random changes; `NONE` for none.
            batch_size: Images a batch of this rank.
            rank: Of this process.
            world_size: Number of ranks.
            seed: Of order and augmentation.
            num_workers: Decoding processes; 0 decodes in this one.
            position: Places of the order already taken by all ranks (`Batch.position` of the last batch).
            config: Everything else.
            quarantine: Folder of the run where all ranks list bad images; they count towards the limit after a
                restart too. Without it the list is that of this reader.
            pin_memory: As of `load_ahead`.

        Raises:
            ConfigError: A number out of range, or a source without images.
            LabelError: Targets that were made for another corpus.
        """
        require(batch_size >= 1, "batch_size", batch_size, "give at least 1")
        require(0 <= rank < world_size, "rank", rank, f"give a number from 0 to {world_size - 1}")
        require(position >= 0, "position", position, "give 0 or more")
        require(num_workers >= 0, "num_workers", num_workers, "give 0 or more")
        self.position = position
        self.statistics = ReaderStatistics()
        self._config = config or ReaderConfig()
        self.quarantine = Quarantine(self._config.max_bad_images, quarantine, rank)
        self._maker = BatchMaker(sources, transforms, augmentation, seed, self._config)
        self._shape = (batch_size, 3, transforms.image_size, transforms.image_size)
        self._offset = rank * batch_size
        self._step = world_size * batch_size
        self._num_workers = num_workers
        self._pin_memory = pin_memory

    @property
    def order_digest(self) -> str:
        """Identity of the order: a checkpoint's position means something only under an equal digest."""
        return self._maker.order_digest

    @property
    def epoch_sizes(self) -> list[int]:
        """Images an epoch of each source."""
        return self._maker.epoch_sizes

    @property
    def cursors(self) -> list[int]:
        """Images taken from each source, a function of `position`."""
        return self._maker.blend.cursors(self.position).tolist()

    def __iter__(self) -> Iterator[Batch]:
        """Batches from `position` on. `position` moves as batches are taken.

        Raises:
            CorpusError: A tar changed since indexing, or more images are bad than the configuration allows.
            LabelError: A sidecar is not that of its tar.
            TrainingError: A decoding process died.
            All name the place in the order; `position` is that of the last good batch.
        """
        batches = load_ahead(
            lambda start, canvas: self._maker.make(start + self._offset, canvas),
            itertools.count(self.position, self._step),
            shape=self._shape,
            num_workers=self._num_workers,
            batches_ahead=self._config.batches_ahead,
            pin_memory=self._pin_memory,
        )
        try:
            for images, entries in batches:
                batch = Batch.of(entries, images, self.position + self._step)
                self._count(batch)
                self.position = batch.position
                yield batch
        except VitrailError as error:
            raise type(error)(f"the batch at place {self.position:,} of the order: {error}") from error

    def _count(self, batch: Batch) -> None:
        self.statistics.num_images += len(batch.image_ids)
        self.statistics.num_bad += len(batch.bad)
        self.quarantine.add(batch.bad)


def read_images(
    corpus: Corpus,
    image_ids: Sequence[str],
    transforms: Transforms,
    batch_size: int,
    num_workers: int = 0,
    *,
    config: ReaderConfig | None = None,
    pin_memory: bool = False,
) -> Iterator[tuple[list[str], Tensor]]:
    """One pass over given images, in the order given, without augmentation.

    Yields:
        image_ids and uint8 [B, 3, S, S]; the last batch may be smaller.

    Raises:
        CorpusError: An image_id is unknown, or an image cannot be read or decoded; names shard and key.
    """
    settings = config or ReaderConfig()
    images = CorpusImages(corpus, verify_digests=settings.verify_digests)
    rows = pc.index_in(pa.array(image_ids, pa.string()), value_set=corpus.image_ids())
    if rows.null_count:
        raise CorpusError(f"{corpus.path} has no image {image_ids[rows.index(None).as_py()]!r}")
    rows_n = rows.to_numpy()

    def make(start: int, canvas: np.ndarray) -> list[str]:
        for item, row in enumerate(rows_n[start : start + batch_size].tolist()):
            canvas[item] = images.decode(row, transforms, settings.limits).transpose(2, 0, 1)
        return list(image_ids[start : start + batch_size])

    batches = load_ahead(
        make,
        range(0, len(image_ids), batch_size),
        shape=(batch_size, 3, transforms.image_size, transforms.image_size),
        num_workers=num_workers,
        batches_ahead=settings.batches_ahead,
        pin_memory=pin_memory,
    )
    return ((ids, pixels[: len(ids)]) for pixels, ids in batches)
