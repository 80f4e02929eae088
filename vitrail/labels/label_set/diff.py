"""What changed between two label sets, and what that means for a classifier head trained on the old one."""

from collections.abc import Mapping, Sequence

import numpy as np

from vitrail.contracts.labels import LabelDiff, Moves
from vitrail.errors import LabelError
from vitrail.labels.label_set.label_ids import Cluster, Term, shared_weight
from vitrail.labels.label_set.opened import LabelSet
from vitrail.labels.label_set.tail import tail_mass

__all__ = [
    "check_churn",
    "clusters_of",
    "diff_labels",
    "follow_labels",
    "remap_head",
]


def clusters_of(labels: LabelSet) -> tuple[list[int], list[Cluster]]:
    """Ids and weighted members of the labels; a member weighs its images in the dictionary's sample."""
    clusters: dict[int, dict[Term, int]] = {}
    for row in labels.members().to_pylist():
        clusters.setdefault(row["label_id"], {})[row["term"], row["language"], row["level"]] = row["num_images"]
    return list(clusters), list(clusters.values())


def diff_labels(old: LabelSet, new: LabelSet) -> LabelDiff:
    """Compares two label sets by the terms of their labels."""
    return LabelDiff(
        old_digest=old.manifest.digest,
        new_digest=new.manifest.digest,
        tail_mass=(tail_mass(old), tail_mass(new)),
        **vars(follow_labels(*clusters_of(old), *clusters_of(new))),
    )


def follow_labels(
    old_ids: Sequence[int], old: Sequence[Cluster], new_ids: Sequence[int], new: Sequence[Cluster]
) -> Moves:
    """Where the terms of old labels went."""
    shared = shared_weight(old, new)
    to_new: dict[int, set[int]] = {label_id: set() for label_id in old_ids}
    main: dict[int, tuple[int, bool, int]] = {}  # old id: where most of it went, of equal parts the one with its id
    for (i, j), weight in shared.items():
        to_new[old_ids[i]].add(new_ids[j])
        part = (weight, old_ids[i] == new_ids[j], new_ids[j])
        main[old_ids[i]] = max(main.get(old_ids[i], part), part)
    origins: dict[int, list[int]] = {label_id: [] for label_id in new_ids}
    for label_id, (_, _, home) in sorted(main.items()):
        origins[home].append(label_id)
    sources = {j for _, j in shared}
    total = sum(max(weight, 1) for cluster in old for weight in cluster.values())
    stayed = sum(weight for (i, j), weight in shared.items() if old_ids[i] == new_ids[j])
    return Moves(
        kept=tuple(sorted(set(old_ids) & set(new_ids))),
        merged={home: tuple(ids) for home, ids in origins.items() if ids not in ([], [home])},
        split={label_id: tuple(sorted(parts)) for label_id, parts in to_new.items() if len(parts) > 1},
        new=tuple(label_id for j, label_id in enumerate(new_ids) if j not in sources),
        lost=tuple(label_id for label_id in old_ids if not to_new[label_id]),
        churn=1 - stayed / total if total else 0.0,
    )


def check_churn(diff: LabelDiff, max_churn: float) -> None:
    """Stops a run whose labels moved too much.

    Raises:
        LabelError: Churn is above the limit.
    """
    if diff.churn > max_churn:
        raise LabelError(
            f"{diff.churn:.1%} of the old labels' term mentions changed their label, more than "
            f"max_churn={max_churn:.1%} ({len(diff.lost)} labels lost, {len(diff.new)} new); read the diff, "
            "then raise the limit or keep the old label set"
        )


def remap_head(
    rows: np.ndarray,
    old_ids: Sequence[int],
    new_ids: Sequence[int],
    merged: Mapping[int, Sequence[int]],
    fresh: np.ndarray,
) -> np.ndarray:
    """Rows of a classifier head for a new vocabulary, for a warm start.

    Rows of labels that are kept or only have another id are copied, rows of merged labels averaged, and new labels
    take their row of `fresh`.

    Args:
        rows: [L_old, ...] weights or biases, in the order of `old_ids`.
        old_ids: Label ids of the old head's outputs.
        new_ids: Label ids of the new head's outputs.
        merged: Old labels of each new label that others or several ended in, from `LabelDiff.merged`.
        fresh: [L_new, ...] initial values.
    """
    position = {label_id: index for index, label_id in enumerate(old_ids)}
    result = np.array(fresh, copy=True)
    for index, label_id in enumerate(new_ids):
        known = [position[origin] for origin in merged.get(label_id, (label_id,)) if origin in position]
        if known:
            result[index] = rows[known].mean(axis=0)
    return result
