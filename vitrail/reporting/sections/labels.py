"""The label distribution before and after clustering, and what happened to the texts."""

from collections import Counter
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from vitrail.contracts.codec import load
from vitrail.contracts.labels import BANDS, LabelSetManifest
from vitrail.reporting.charts import Chart, Series, line_chart
from vitrail.reporting.run import Run

__all__ = ["labels"]

_FEW_IMAGES = 10
_MOST_POINTS = 200
_MOST_REASONS = 12


def labels(run: Run) -> dict[str, Any] | None:
    """Counts, the chart, and why texts and terms were left out."""
    folder = run.artifact("derive_labels")
    if folder is None:
        return None
    manifest = load(LabelSetManifest, folder / "labels.json")
    dictionary = pq.read_table(folder / "dictionary.parquet", columns=["term", "canonical", "num_images", "reason"])
    vocabulary = pq.read_table(folder / "vocabulary.parquet", columns=["frequency", "band", "members"])
    rows = dictionary.to_pylist()
    before = _images_per_term(rows)
    after = np.array(vocabulary["frequency"].to_pylist(), dtype=np.int64)
    rejected = Counter(row["reason"] for row in rows if row["reason"] is not None)
    return {
        "manifest": manifest,
        "coverage": manifest.num_images_labelled / max(manifest.num_images, 1),
        "chart": _chart(before, after),
        "stages": [_stage("terms before", before), _stage("labels after", after)],
        "bands": _bands(vocabulary["band"].to_pylist(), after),
        "num_merged": sum(len(members) > 1 for members in vocabulary["members"].to_pylist()),
        "num_candidates": len(rows),
        "rejected": rejected.most_common(_MOST_REASONS),
        "skipped": sorted(manifest.num_signals_skipped.items(), key=lambda item: -item[1]),
    }


def _images_per_term(rows: list[dict[str, Any]]) -> NDArray[np.int64]:
    """Images of every accepted term that stands for itself: the labels there would be without clustering."""
    counts = [row["num_images"] for row in rows if row["reason"] is None and row["term"] == row["canonical"]]
    return np.array(counts, dtype=np.int64)


def _stage(title: str, counts: NDArray[np.int64]) -> dict[str, str]:
    if not len(counts):
        return {"title": title, "num": "0", "median": "–", "few": "–"}
    return {
        "title": title,
        "num": f"{len(counts):,}",
        "median": f"{np.median(counts):,.0f}",
        "few": f"{100 * np.mean(counts < _FEW_IMAGES):.1f}%",
    }


def _bands(bands: list[str], frequencies: NDArray[np.int64]) -> list[dict[str, str]]:
    names = np.array(bands, dtype=np.str_)
    total = max(int(frequencies.sum()), 1)
    return [
        {
            "name": band,
            "num": f"{int((names == band).sum()):,}",
            "share": f"{100 * frequencies[names == band].sum() / total:.1f}%",
        }
        for band in BANDS
    ]


def _chart(before: NDArray[np.int64], after: NDArray[np.int64]) -> Chart:
    return line_chart(
        "Images per label, most frequent first",
        f"Rank against number of images, both logarithmic: {len(before):,} terms before clustering and "
        f"{len(after):,} labels after. A curve that ends higher has a shorter tail.",
        [_ranked("before clustering", before), _ranked("after clustering", after)],
        x_title="rank",
        y_title="images",
        is_log=True,
    )


def _ranked(name: str, counts: NDArray[np.int64]) -> Series:
    ranked = np.sort(counts[counts > 0])[::-1]
    ranks = np.unique(np.geomspace(1, max(len(ranked), 1), _MOST_POINTS).astype(np.int64))[: len(ranked)]
    return Series(name=name, x=ranks.tolist(), y=ranked[ranks - 1].tolist())
