"""The folder in which a derivation keeps what its stages have finished: one name here for each file in it.

It is a label set in the making, with what leads to it beside: a stage that finds its files there does not run again.
"""

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vitrail.contracts.files import atomic_folder
from vitrail.contracts.labels import (
    DICTIONARY_FILE,
    JUDGED_FILE,
    MEMBERS_FILE,
    SCORER_FILE,
    VOCABULARY_FILE,
    LabelDiff,
    LabelSetManifest,
    sidecar_file,
    votes_file,
)

__all__ = ["WorkFolder"]

_FILES = (
    *(LabelSetManifest.FILE, LabelDiff.FILE, VOCABULARY_FILE, DICTIONARY_FILE, MEMBERS_FILE),
    *(JUDGED_FILE, SCORER_FILE),
)


@dataclass(frozen=True)
class WorkFolder:
    """Paths of a derivation's files. Shards are known by their number, and by their name where they are handed on."""

    path: Path

    def create(self) -> "WorkFolder":
        """Makes the folders that are not there; returns itself."""
        for file in (self.spill("any"), self.scored(0), self.published(0), self.sidecar("any"), self.votes("any")):
            file.parent.mkdir(parents=True, exist_ok=True)
        return self

    @property
    def hashes(self) -> Path:
        """Hashed image ids, ascending."""
        return self.path / "hashes.npy"

    @property
    def rows(self) -> Path:
        """Rows of the corpus, in the order of the hashes."""
        return self.path / "rows.npy"

    @property
    def seed(self) -> Path:
        """Seed of the hash."""
        return self.path / "seed.npy"

    @property
    def starts(self) -> Path:
        """First row of each shard; the record that the lookup is whole."""
        return self.path / "starts.npy"

    @property
    def surfaces(self) -> Path:
        """Surface forms and the terms they count as."""
        return self.path / "surfaces.parquet"

    @property
    def shared_texts(self) -> Path:
        """The texts that several images have."""
        return self.path / "shared_texts.npz"

    @property
    def terms(self) -> Path:
        """The term table."""
        return self.path / "terms.parquet"

    @property
    def vectors(self) -> Path:
        """Vectors of the terms."""
        return self.path / "term_vectors.npy"

    @property
    def dictionary(self) -> Path:
        """The dictionary; the record that the vocabulary is whole."""
        return self.path / DICTIONARY_FILE

    def wave(self, number: int) -> Path:
        """Reports of one wave of annotated signal files; the record that it is done."""
        return self.path / f"wave-{number:05}.json"

    def spill(self, name: str) -> Path:
        """Annotated signals, one record batch a shard, under a fresh name a batch function gave."""
        return self.path / "spill" / name

    @property
    def places(self) -> Path:
        """By shard: the spill files with signals of it, and the number of the record batch in each."""
        return self.path / "places.json"

    @property
    def judged(self) -> Path:
        """Features of the judged annotations."""
        return self.path / JUDGED_FILE

    @property
    def scorer(self) -> Path:
        """The scorer trained on them; the record that it is."""
        return self.path / SCORER_FILE

    def scored(self, shard: int) -> Path:
        """Candidate labels of a shard; the record that it is scored."""
        return self.path / "scored" / f"{shard}.npz"

    def candidate_votes(self, shard: int) -> Path:
        """Votes for the candidate labels of a shard."""
        return self.scored(shard).with_suffix(".votes")

    @property
    def chosen(self) -> Path:
        """Which clusters are labels, and their ids."""
        return self.path / "chosen.npz"

    def sidecar(self, name: str) -> Path:
        """Labels of the images of a shard."""
        return self.path / sidecar_file(name)

    def votes(self, name: str) -> Path:
        """Votes for them."""
        return self.path / votes_file(name)

    def published(self, shard: int) -> Path:
        """Counts of a shard's sidecar; the record that it and its votes are written."""
        return self.path / "published" / f"{shard}.npz"

    @property
    def vocabulary(self) -> Path:
        """The labels."""
        return self.path / VOCABULARY_FILE

    @property
    def members(self) -> Path:
        """The terms of each label."""
        return self.path / MEMBERS_FILE

    def publish(self, out: Path, shards: Iterable[str]) -> None:
        """Hands the label set on as the folder `out`, which appears whole; the work folder stays as it is.

        Args:
            out: Label-set folder.
            shards: Names of all shards.
        """
        names = [*_FILES, *(name for shard in shards for name in (sidecar_file(shard), votes_file(shard)))]
        with atomic_folder(out) as folder:
            for name in names:
                if (self.path / name).exists():
                    (folder / name).parent.mkdir(exist_ok=True)
                    _link(self.path / name, folder / name)


def _link(source: Path, target: Path) -> None:
    """Hard links where the file system has them: no byte is copied, and a kill leaves the work folder complete."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
