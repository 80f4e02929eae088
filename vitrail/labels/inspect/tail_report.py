"""A report about the long tail before and after clustering."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from vitrail.contracts.labels import BANDS
from vitrail.labels.label_set.opened import LabelSet
from vitrail.labels.label_set.tail import assign_bands

__all__ = ["BandCounts", "TailReport", "tail_report"]


@dataclass(frozen=True, kw_only=True)
class BandCounts:
    """A band of labels: how many there are, the (image, label) pairs they hold, and the median images of one."""

    num_labels: int
    share_of_pairs: float
    median_images: float


@dataclass(frozen=True, kw_only=True)
class TailReport:
    """Bands by name, of terms counted alone (`before`) and of the labels they were grouped into (`after`)."""

    before: dict[str, BandCounts]
    after: dict[str, BandCounts]
    num_terms: int
    num_labels: int
    num_multilingual: int  # labels of the finest level with terms of several languages: one meaning, translated
    num_joined: int  # terms that are too rare for a coarser level and count there in a label with others
    is_sampled: bool  # `before` is of a sample of the texts, `after` of all: they do not compare


def _count_bands(frequency: np.ndarray) -> dict[str, BandCounts]:
    bands = np.array(assign_bands(frequency))
    total = max(int(frequency.sum()), 1)
    return {
        band: BandCounts(
            num_labels=len(inside),
            share_of_pairs=float(inside.sum() / total),
            median_images=float(np.median(inside)) if len(inside) else 0.0,
        )
        for band in BANDS
        for inside in [frequency[bands == band]]
    }


def tail_report(labels: LabelSet) -> TailReport:
    """Compares the labels with their member terms, each counted alone over the dictionary's sample."""
    is_sampled = labels.manifest.is_sampled
    members = labels.members()
    is_finest = members["level"].to_numpy() == 0
    alone = members["num_images"].to_numpy()[is_finest]
    frequency = labels.vocabulary()["frequency"].to_numpy()
    finest = members.filter(pa.array(is_finest))
    languages = finest.group_by("label_id").aggregate([("language", "count_distinct")])["language_count_distinct"]
    return TailReport(
        before=_count_bands(alone),
        after=_count_bands(frequency),
        num_terms=len(alone),
        num_labels=len(frequency),
        num_multilingual=int((languages.to_numpy() > 1).sum()),
        num_joined=members.filter(pa.array(~is_finest)).group_by(["term", "language"]).aggregate([]).num_rows,
        is_sampled=is_sampled,
    )
