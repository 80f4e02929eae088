"""What the labels are worth: their distribution, pictures of head, middle and tail, what was merged and left out."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrail.contracts.codec import read_optional
from vitrail.contracts.labels import BANDS, LabelDiff
from vitrail.corpus.thumbnails import embed_pictures
from vitrail.labels import BandCounts, Coverage, LabelSet, measure_coverage, open_labels, tail_report
from vitrail.reporting.artifacts import open_run_corpus
from vitrail.reporting.audit import AUDIT_FOLDER
from vitrail.reporting.charts import Chart, Series, bar_chart, line_chart
from vitrail.reporting.clusters import Cluster, describe_clusters, find_images, suspects
from vitrail.reporting.run import Run

__all__ = ["labels"]

_FEW_IMAGES = 10
_MOST_POINTS = 200
_MOST_REASONS = 16
_NUM_REJECTED = 5  # terms named for each reason
_NUM_LABELS = 6  # pictured of each band, and of merged labels
_NUM_PICTURES = 4
_MOST_MEMBERS = 8


def labels(run: Run, out: Path) -> dict[str, Any] | None:
    """Counts, the chart, labels with pictures, and why texts and terms were left out."""
    folder = run.artifact("derive_labels")
    if folder is None:
        return None
    label_set = open_labels(folder)
    manifest = label_set.manifest
    rows = label_set.dictionary().select(["term", "canonical", "num_images", "reason"]).to_pylist()
    clusters = describe_clusters(label_set)
    before = _images_per_term(rows)
    after = np.array([cluster.frequency for cluster in clusters], dtype=np.int64)
    tail = tail_report(label_set)
    coverage = measure_coverage(label_set)
    return {
        "manifest": manifest,
        "coverage": coverage,
        "coverage_charts": _coverage_charts(coverage),
        "chart": _chart(before, after),
        "stages": [_stage("terms before", before), _stage("labels after", after)],
        "tail": tail,
        "bands": [_band(band, tail.before[band], tail.after[band]) for band in BANDS],
        "num_merged": sum(len(cluster.members) > 1 for cluster in clusters),
        "groups": _pictured(run, label_set, _sample(clusters)),
        "audit": AUDIT_FOLDER if (out.parent / AUDIT_FOLDER / "index.html").exists() else None,
        "diff": read_optional(LabelDiff, folder),
        "num_candidates": len(rows),
        "rejected": _rejected(rows),
        "skipped": sorted(manifest.num_signals_skipped.items(), key=lambda item: -item[1]),
    }


def _images_per_term(rows: list[dict[str, Any]]) -> NDArray[np.int64]:
    """Images of every accepted term that stands for itself: the labels there would be without clustering."""
    counts = [row["num_images"] for row in rows if row["reason"] is None and row["term"] == row["canonical"]]
    return np.array(counts, dtype=np.int64)


def _sample(clusters: list[Cluster]) -> dict[str, list[Cluster]]:
    """Labels of each band at even steps of frequency, and the merged labels with the least close terms."""
    sample: dict[str, list[Cluster]] = {}
    for band in BANDS:
        inside = sorted((c for c in clusters if c.band == band), key=lambda c: (-c.frequency, c.label_id))
        steps = np.unique(np.linspace(0, max(len(inside) - 1, 0), min(_NUM_LABELS, len(inside))).astype(int))
        sample[f"From the {band}"] = [inside[step] for step in steps.tolist()]
    merged = sorted((c for c in clusters if len(c.members) > 1), key=lambda c: (-len(c.members), c.label_id))
    sample["Merged, most terms"] = merged[:_NUM_LABELS]
    sample["Merged, least close"] = suspects(clusters, _NUM_LABELS)
    return {title: chosen for title, chosen in sample.items() if chosen}


def _pictured(run: Run, label_set: LabelSet, sample: dict[str, list[Cluster]]) -> list[dict[str, Any]]:
    wanted = {cluster.label_id for chosen in sample.values() for cluster in chosen}
    images = find_images(label_set, wanted, _NUM_PICTURES)
    corpus = open_run_corpus(run)
    sources = embed_pictures(corpus, [one for found in images.values() for one in found]) if corpus else {}
    return [
        {
            "title": title,
            "labels": [
                {
                    "cluster": cluster,
                    "members": cluster.members[:_MOST_MEMBERS],
                    "num_more": max(len(cluster.members) - _MOST_MEMBERS, 0),
                    "images": [(one, sources.get(one)) for one in images[cluster.label_id]],
                }
                for cluster in chosen
            ],
        }
        for title, chosen in sample.items()
    ]


def _rejected(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Reasons with their number and the most frequent terms they took."""
    by_reason: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["reason"] is not None:
            by_reason[row["reason"]].append(row)
    ranked = sorted(by_reason.items(), key=lambda item: (-len(item[1]), item[0]))[:_MOST_REASONS]
    return [
        {
            "reason": reason,
            "num": len(found),
            "terms": [
                row["term"] for row in sorted(found, key=lambda r: (-r["num_images"], r["term"]))[:_NUM_REJECTED]
            ],
        }
        for reason, found in ranked
    ]


def _stage(title: str, counts: NDArray[np.int64]) -> dict[str, str]:
    if not len(counts):
        return {"title": title, "num": "0", "median": "–", "few": "–"}
    return {
        "title": title,
        "num": f"{len(counts):,}",
        "median": f"{np.median(counts):,.0f}",
        "few": f"{100 * np.mean(counts < _FEW_IMAGES):.1f}%",
    }


def _band(name: str, before: BandCounts, after: BandCounts) -> dict[str, str]:
    row = {"name": name}
    for when, band in (("before", before), ("after", after)):
        row |= {
            f"num_{when}": f"{band.num_labels:,}",
            f"median_{when}": f"{band.median_images:,.0f}",
            f"share_{when}": f"{100 * band.share_of_pairs:.1f}%",
        }
    return row


def _coverage_charts(coverage: Coverage) -> list[Chart]:
    rarest, numbers = coverage.rarest_by_name, coverage.num_labels_by_name
    return [
        bar_chart(
            "How rare the rarest label of an image is",
            f"Images by the share of all images that have their rarest label; {coverage.unlabelled:.1%} have none. A "
            "label on few says what is in the picture, one on many hardly anything.",
            [Series(name="images", x=list(rarest.values()), y=list(rarest))],
            x_title="share of the images",
            is_share=True,
        ),
        bar_chart(
            "Labels per image",
            f"Images by how many labels they have, {coverage.labels_per_image:.2f} on average.",
            [Series(name="images", x=list(numbers.values()), y=list(numbers))],
            x_title="share of the images",
            is_share=True,
        ),
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
