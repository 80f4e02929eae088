"""Images that turn out bad while they are read: listed with their reason, counted over the run, and limited."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vitrail.contracts.files import read_json, write_json
from vitrail.errors import CorpusError

__all__ = ["BadImage", "Quarantine"]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class BadImage:
    """An image that could not be decoded, and where it stands in the batch."""

    corpus: str
    shard: str
    image_id: str
    reason: str
    item: int


class Quarantine:
    """The distinct bad images of a run: (corpus, shard, image_id) -> reason.

    With a folder, the list survives a restart and counts what all processes met: each writes its own file,
    and reads those of the others whenever it meets a bad image that is new.
    """

    def __init__(self, max_images: int, folder: Path | None = None, rank: int = 0) -> None:
        self.reasons: dict[tuple[str, str, str], str] = {}
        self._max_images = max_images
        self._folder = folder
        self._file = f"{rank:05d}.json"
        self._read()

    def add(self, images: Iterable[BadImage]) -> None:
        """Lists images that are not known yet.

        Raises:
            CorpusError: There are more than `max_images` now.
        """
        met = {(bad.corpus, bad.shard, bad.image_id): bad.reason for bad in images}
        if not met:
            return
        new = {place: reason for place, reason in met.items() if place not in self.reasons}
        if new:
            self._add_new(new)
        if len(self.reasons) > self._max_images:
            (corpus, shard, image_id), reason = next(reversed(met.items()))
            raise CorpusError(
                f"{len(self.reasons)} bad images, more than max_bad_images={self._max_images}; the last is in corpus "
                f"{corpus}, shard {shard}, image {image_id}: {reason}. Run `vitrail corpus check`"
            )

    def _add_new(self, new: dict[tuple[str, str, str], str]) -> None:
        for (corpus, shard, image_id), reason in new.items():
            _logger.warning("corpus %s, shard %s, image %s is masked: %s", corpus, shard, image_id, reason)
        self.reasons.update(new)
        self._write(new)
        self._read()

    def _write(self, new: dict[tuple[str, str, str], str]) -> None:
        if self._folder is not None:
            path = self._folder / self._file
            known = read_json(path) if path.exists() else []
            write_json(path, known + [[*place, reason] for place, reason in new.items()])

    def _read(self) -> None:
        if self._folder is not None:
            for path in sorted(self._folder.glob("*.json")):
                self.reasons.update(
                    ((corpus, shard, image), reason) for corpus, shard, image, reason in read_json(path)
                )
