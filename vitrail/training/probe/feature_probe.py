"""Looks at the features of a trunk in training, in all processes together.

Shapes: N images, W trunk width, S image size.
"""

import dataclasses
import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vitrail.contracts.models import Transforms
from vitrail.corpus.corpus import Corpus
from vitrail.corpus.pixels.limits import ImageLimits
from vitrail.corpus.pixels.prepare import prepare_image
from vitrail.corpus.reader.image_bytes import CorpusImages
from vitrail.corpus.reader.loading import load_ahead
from vitrail.errors import CorpusError
from vitrail.training.config import PretrainConfig
from vitrail.training.distributed import Process
from vitrail.training.probe.measures import agreement_of_neighbours, effective_rank
from vitrail.training.probe.sample import ProbeSample, Question

__all__ = ["FeatureProbe", "num_probe_images"]

_log = logging.getLogger(__name__)

_FEWEST_IMAGES = 64
_PASSES_A_STEP = 3  # forward passes that a training step costs an image: one forward, two backward


def num_probe_images(config: PretrainConfig) -> int:
    """As many images as may be looked at and do not cost more than they may; 0 when the probe is off.

    An image costs a reading and a forward pass a look; one of the training a reading and three passes.
    """
    probe, schedule = config.probe, config.schedule
    if probe.num_images == 0:
        return 0
    looks = 2 + (schedule.num_steps - 1) // probe.interval(schedule.num_steps)
    cost = max(1, looks / _PASSES_A_STEP)
    affordable = int(probe.max_cost * schedule.num_steps * schedule.batch_size / cost)
    return min(probe.num_images, max(affordable, _FEWEST_IMAGES))


class FeatureProbe:
    """Measures the same images each time it is asked; leaves no trace in model, random numbers and order.

    Args:
        corpus: Whose images.
        sample: Which of them.
        transforms: The model's input.
        config: Of the pretraining.
        process: This process, which reads its share of the images at the first look and keeps their pixels.
    """

    def __init__(
        self, corpus: Corpus, sample: ProbeSample, transforms: Transforms, config: PretrainConfig, process: Process
    ) -> None:
        self._corpus = corpus
        self._sample = sample
        self._transforms = transforms
        self._config = config
        self._process = process
        self._images: Tensor | None = None
        self._usable = np.zeros(0, dtype=np.int64)

    def is_due(self, step: int) -> bool:
        """Whether to look after so many steps: at the start, every so many and at the end."""
        num_steps = self._config.schedule.num_steps
        return step % self._config.probe.interval(num_steps) == 0 or step == num_steps

    @torch.no_grad()
    def look(self, step: int, features: Callable[[Tensor], Tensor]) -> dict[str, Any] | None:
        """What to log, in the main process; None in the others, and when features are not finite.

        Args:
            step: Steps done.
            features: Pooled features [B, W] of uint8 images [B, 3, S, S] on the device of the process.
        """
        if self._images is None:
            with torch.random.fork_rng(devices=[]):  # worker processes are given seeds
                self._images = self._read()
        images = self._images
        parts = [features(part.to(self._process.device)).float().cpu() for part in images.split(self._batch_size)]
        gathered = self._in_order(torch.cat(parts))
        if not self._process.is_main:
            return None
        features_nw = gathered[self._usable]
        if not len(features_nw) or not np.isfinite(features_nw).all():
            _log.warning("features at step %d cannot be measured: no image is read, or they are not finite", step)
            return None
        found = self._measure(features_nw)
        _log.info(
            "features at step %d: effective rank %.1f; nearest %s", step, found["effective_rank"], found["nearest"]
        )
        is_start = {"is_untrained": self._config.initial_weights is None} if step == 0 else {}
        return found | is_start

    def _measure(self, features_nw: np.ndarray) -> dict[str, Any]:
        shares = {
            question.name: agreement_of_neighbours(features_nw, _about(question, self._usable))
            for question in self._sample.questions
        }
        return {
            "num_images": len(features_nw),
            "effective_rank": effective_rank(features_nw),
            "nearest": {name: share for name, share in shares.items() if share is not None},
        }

    @property
    def _batch_size(self) -> int:
        return self._config.schedule.batch_size // (self._process.world_size * self._config.schedule.accumulation)

    def _read(self) -> Tensor:
        """This process's share; each process has as many, blank ones where the images do not suffice."""
        rank, world_size = self._process.rank, self._process.world_size
        rows = self._sample.rows[rank::world_size]
        size, share = self._transforms.image_size, -(-len(self._sample.rows) // world_size)
        images = torch.zeros(share, 3, size, size, dtype=torch.uint8)
        is_read = torch.zeros(share, 1)
        batch_size, settings = self._batch_size, self._config.reader
        files = CorpusImages(self._corpus, verify_digests=settings.verify_digests)

        def make(start: int, canvas: np.ndarray) -> list[bool]:
            own = rows[start : start + batch_size]
            return [
                _prepare(files, row, self._transforms, settings.limits, canvas[item]) for item, row in enumerate(own)
            ]

        batches = load_ahead(
            make,
            range(0, len(rows), batch_size),
            shape=(batch_size, 3, size, size),
            num_workers=self._config.launch.num_workers,
            batches_ahead=settings.batches_ahead,
        )
        try:
            for number, (pixels, done) in enumerate(batches):
                part = slice(number * batch_size, number * batch_size + len(done))
                images[part], is_read[part, 0] = pixels[: len(done)], torch.tensor(done, dtype=torch.float32)
        except CorpusError as error:  # of a tar; a training that needs it ends with an error of its own
            _log.warning("%d validation images are not looked at: %s", len(rows), error)
            is_read.zero_()
        self._usable = np.flatnonzero(self._in_order(is_read)[:, 0])
        return images

    def _in_order(self, values: Tensor) -> np.ndarray:
        """The values [N, .] of the sample's images from those of the processes' shares."""
        shares = self._process.gather_rows(values)  # image i is the (i // processes)-th of process i % processes
        in_turn = torch.stack(shares, dim=1).flatten(0, 1)
        return in_turn[: len(self._sample.rows)].numpy()


def _prepare(files: CorpusImages, row: int, transforms: Transforms, limits: ImageLimits, canvas: np.ndarray) -> bool:
    """Writes the pixels of an image; one that cannot be decoded is left out, as training masks it."""
    (data,) = files.read(np.array([row]))
    try:
        canvas[:] = prepare_image(data, transforms, limits).transpose(2, 0, 1)
    except CorpusError:
        return False
    return True


def _about(question: Question, images: np.ndarray) -> Question:
    """The question about some of the images."""
    chosen = images.tolist()
    return dataclasses.replace(
        question,
        labels=tuple(question.labels[image] for image in chosen),
        apart=tuple(question.apart[image] for image in chosen),
    )
