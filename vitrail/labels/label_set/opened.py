"""An opened label set."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from vitrail.contracts.codec import read
from vitrail.contracts.labels import (
    DICTIONARY_FILE,
    MEMBERS_FILE,
    VOCABULARY_FILE,
    LabelSetManifest,
    sidecar_file,
    votes_file,
)
from vitrail.corpus import Corpus
from vitrail.errors import LabelError

__all__ = ["LabelSet", "open_labels"]


@dataclass(frozen=True, kw_only=True)
class LabelSet:
    """Weak labels of one corpus."""

    path: Path
    manifest: LabelSetManifest

    def vocabulary(self) -> pa.Table:
        """VOCABULARY_SCHEMA; row i is the label with head output i."""
        return self._read(VOCABULARY_FILE)

    def dictionary(self) -> pa.Table:
        """DICTIONARY_SCHEMA: every candidate, with the reason when it was rejected."""
        return self._read(DICTIONARY_FILE)

    def members(self) -> pa.Table:
        """MEMBERS_SCHEMA: the terms of each label and how close they are."""
        return self._read(MEMBERS_FILE)

    def sidecar(self, shard: str) -> pa.Table:
        """SIDECAR_SCHEMA: the labels of the images of a shard, in the order of its index."""
        return self._read(sidecar_file(shard))

    def votes(self, shard: str) -> pa.Table:
        """VOTES_SCHEMA: the signals behind the labels of a shard; empty when votes were not written."""
        return self._read(votes_file(shard))

    def require_corpus(self, corpus: Corpus) -> None:
        """Refuses another corpus than the one the labels are of.

        Raises:
            LabelError: Its digest is not that of the corpus the labels were derived from.
        """
        own, digest = self.manifest.corpus_digest, corpus.manifest.digest
        if own != digest:
            raise LabelError(
                f"{self.path} was derived from another corpus ({own[:12]}) than {corpus.path} ({digest[:12]}); "
                "name the one it was derived from, or derive the labels again"
            )

    def _read(self, name: str) -> pa.Table:
        try:
            return pq.read_table(self.path / name)
        except (OSError, pa.ArrowInvalid) as error:
            raise LabelError(f"{self.path / name} cannot be read ({error}); derive the labels again") from error


def open_labels(path: Path) -> LabelSet:
    """Opens the folder that `derive_labels` wrote.

    Raises:
        LabelError: It is not a label set, or one of another version.
    """
    return LabelSet(path=Path(path), manifest=read(LabelSetManifest, Path(path)))
