"""Which corpus a label set was derived from: its manifest knows the digest, and not where the corpus lies."""

from collections.abc import Sequence
from pathlib import Path

from vitrail.corpus import open_corpus
from vitrail.errors import LabelError, VitrailError
from vitrail.labels.label_set.opened import open_labels

__all__ = ["find_corpus"]


def find_corpus(labels: Path, places: Sequence[Path]) -> Path:
    """The first of some folders that is the corpus of a label set.

    Args:
        labels: Label-set folder. In a run the corpus lies beside it: that place is looked at first.
        places: Folders that may be corpora.

    Raises:
        LabelError: It is no label set, or none of the folders is its corpus.
    """
    digest = open_labels(labels).manifest.corpus_digest
    candidates = [Path(labels).parent / "corpus", *places]
    for folder in candidates:
        if _digest_of(folder) == digest:
            return folder
    raise LabelError(
        f"{labels} was derived from the corpus with the digest {digest[:12]}, which is none of "
        f"{', '.join(map(str, candidates))}; name the folder it lies in with --corpus"
    )


def _digest_of(folder: Path) -> str | None:
    try:
        return open_corpus(folder).manifest.digest
    except VitrailError:  # no corpus, or one that cannot be read: another may be the one
        return None
