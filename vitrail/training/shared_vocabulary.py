"""Whether label sets can share a head: a label must have the same id in all of them."""

from collections.abc import Sequence
from pathlib import Path

from vitrail.contracts.codec import read, read_optional
from vitrail.contracts.labels import VOCABULARY_FILE, VOCABULARY_SCHEMA, LabelDiff, LabelSetManifest
from vitrail.corpus.store.tables import read_table
from vitrail.errors import LabelError

__all__ = ["check_blend"]


def check_blend(label_sets: Sequence[Path]) -> None:
    """Compares each label set with the first, unless it was derived with that one as previous.

    Raises:
        LabelError: A name has another id than in the first set, or an id other terms.
    """
    first, *others = label_sets
    for other in others:
        if not _follows(other, first):
            _compare(first, other)


def _follows(labels: Path, earlier: Path) -> bool:
    diff = read_optional(LabelDiff, labels)
    return diff is not None and diff.old_digest == read(LabelSetManifest, earlier).digest


def _compare(first: Path, other: Path) -> None:
    remedy = f"derive {other} again with --previous {first}"
    ours, theirs = _labels(first), _labels(other)
    ids = {name: label_id for label_id, (name, _) in ours.items()}
    for label_id, (name, terms) in theirs.items():
        if ids.get(name, label_id) != label_id:
            raise LabelError(
                f"label {name[0]!r} is {label_id} in {other} and {ids[name]} in {first}: a head would learn it twice; "
                f"{remedy}"
            )
        if label_id in ours and not terms & ours[label_id][1]:
            raise LabelError(
                f"label {label_id} is {name[0]!r} in {other} and {ours[label_id][0][0]!r} in {first}, which share no "
                f"term; {remedy}"
            )


def _labels(folder: Path) -> dict[int, tuple[tuple[str, str], set[str]]]:
    """Name (term and language) and terms of each label."""
    table = read_table(folder / VOCABULARY_FILE, VOCABULARY_SCHEMA, "derive the labels again")
    columns = [table[name].to_pylist() for name in ("label_id", "term", "language", "members")]
    return {row[0]: ((row[1], row[2]), {row[1], *row[3]}) for row in zip(*columns, strict=True)}
