"""Groups of images that must share a split, and the split of each group."""

import logging
from hashlib import sha256

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from vitrail.contracts.corpus import SPLITS, SPLITS_SCHEMA
from vitrail.corpus.build.components import Components
from vitrail.corpus.build.item_columns import NOTHING, Codes, ItemColumns
from vitrail.corpus.splits import split_of

__all__ = ["splits_of"]

_LOGGER = logging.getLogger(__name__)
_HELD_OUT_SHARE = 0.1  # of each stratum, for val and for test
_MANY_GROUPS = 200  # of one label: from here on a hash divides well enough, and new images move no old ones

_Codes = NDArray[np.int64]


def splits_of(image_ids: pa.ChunkedArray, columns: ItemColumns, looks: Components) -> pa.Table:
    """Groups, and a split for each: the user's where given, else 80/10/10 within the groups of one label.

    Images with the same `group` or the same look are one group. Where the user's splits would tear a group
    apart, the whole group goes to the most held-out of them, so that nothing leaks into training.

    Args:
        image_ids: Of the items.
        columns: What the items say.
        looks: Which of them look alike; the groups are joined to it.
    """
    given_groups = columns.group.array()
    rows = np.flatnonzero(given_groups != NOTHING)
    looks.join_equal(rows, given_groups[rows])
    _, groups = np.unique(looks.roots(), return_inverse=True)  # numbered by their first image
    names = _names(image_ids, columns, groups)
    given = _given_splits(columns.split, groups)
    strata, stratum_of = _strata(columns.first_label, groups)
    chosen = [None if code == NOTHING else SPLITS[code] for code in given.tolist()]
    dominant = _dominant(groups)
    place = 0
    members = _members_of(stratum_of, given == NOTHING, len(strata))
    for code in sorted(range(len(strata)), key=lambda code: strata[code]):
        undecided = members[code].tolist()
        by_hash = len(undecided) >= _MANY_GROUPS
        if not by_hash:
            undecided.sort(key=lambda group: sha256(names[group].encode()).digest())
        for group in undecided:
            if group in dominant:
                chosen[group] = "train"
            elif by_hash:
                chosen[group] = split_of(names[group])
            else:
                chosen[group] = _split_at(place)
                place += 1
    taken = pa.array(groups)
    return pa.Table.from_arrays(
        [
            image_ids,
            pc.take(pa.array(names, pa.string()), taken),
            pc.take(pa.array(chosen, pa.string()), taken),
            _decode(columns.domain),
        ],
        schema=SPLITS_SCHEMA,
    )


def _decode(column: Codes) -> pa.Array:
    codes = column.array()
    return pc.take(pa.array(column.values, pa.string()), pa.array(codes, mask=codes == NOTHING))


def _names(image_ids: pa.ChunkedArray, columns: ItemColumns, groups: _Codes) -> list[str]:
    """The first name that a user gave to a group, else that of its first image by name."""
    table = pa.table({"at": groups, "given": _decode(columns.group), "image_id": image_ids})
    found = table.group_by("at").aggregate([("given", "min"), ("image_id", "min")]).sort_by("at")
    return [
        f"image:{image_id}" if given is None else f"group:{given}"
        for given, image_id in zip(found["given_min"].to_pylist(), found["image_id_min"].to_pylist(), strict=True)
    ]


def _given_splits(column: Codes, groups: _Codes) -> _Codes:
    """The most held-out of the splits that a group was given, as a place in SPLITS; NOTHING where it has none."""
    ranks = np.array([SPLITS.index(split) for split in column.values] + [NOTHING])[column.array()]
    highest = np.full(groups.max(initial=-1) + 1, NOTHING)
    np.maximum.at(highest, groups, ranks)
    lowest = np.full(len(highest), len(SPLITS))
    np.minimum.at(lowest, groups, np.where(ranks == NOTHING, len(SPLITS), ranks))
    num_torn = int((lowest < highest).sum())
    if num_torn:
        _LOGGER.warning("%d groups of equal images were in several splits; each is now in one", num_torn)
    return highest


def _strata(column: Codes, groups: _Codes) -> tuple[list[tuple[str, ...]], _Codes]:
    """The strata, and that of each group: the label of most of its images, of several the one that comes first."""
    strata: list[tuple[str, ...]] = [*((label,) for label in column.values), ()]
    codes = column.array().astype(np.int64) % len(strata)  # NOTHING becomes the last
    pairs, first, count = np.unique(groups * len(strata) + codes, return_index=True, return_counts=True)
    order = np.lexsort((first, -count, pairs // len(strata)))
    owners = pairs[order] // len(strata)
    _, best = np.unique(owners, return_index=True)
    return strata, pairs[order][best] % len(strata)


def _members_of(stratum_of: _Codes, is_open: NDArray[np.bool_], num_strata: int) -> list[_Codes]:
    """The groups of each stratum that have no split yet."""
    groups = np.flatnonzero(is_open)
    own = stratum_of[groups]
    order = np.argsort(own, kind="stable")
    return np.split(groups[order], np.searchsorted(own[order], np.arange(1, num_strata)))


def _dominant(groups: _Codes) -> set[int]:
    """Groups so large that val or test would measure little else; none when there are few groups."""
    sizes = np.bincount(groups)
    large = set(np.flatnonzero(sizes > len(groups) * _HELD_OUT_SHARE).tolist())
    return large if len(sizes) - len(large) >= 1 / _HELD_OUT_SHARE else set()


def _split_at(place: int) -> str:
    """Every tenth group is held out for val and every tenth for test, evenly over the strata."""
    period = round(1 / _HELD_OUT_SHARE)
    return {period // 2: "val", period - 1: "test"}.get(place % period, "train")
