"""Retrieval tasks: precision and recall for every direction, and queries with what they found."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

import pyarrow.parquet as pq

from vitrail.contracts.evaluation import NEIGHBOURS_FILE, EvaluationReport
from vitrail.corpus import Corpus
from vitrail.corpus.thumbnails import embed_pictures
from vitrail.reporting.artifacts import format_interval, format_share, open_run_corpus, read_evaluation
from vitrail.reporting.run import Run
from vitrail.reporting.texts import read_texts

__all__ = ["retrieval"]

_STEM = "/float/p_at_1"
_PRECISIONS = {"float": "float", "binary": "binary", "asymmetric": "float query, binary gallery"}
_KEEPERS = {"binary": "Binary codes keep", "asymmetric": "Float queries on binary codes keep"}
_AT_K = {"p_at_": "P@", "r_at_": "R@", "cmc_at_": "CMC@"}
_WHOLE = {"mean_average_precision": "mAP", "ndcg": "nDCG"}


def retrieval(run: Run) -> dict[str, Any] | None:
    """Each retrieval task that was measured."""
    report = read_evaluation(run)
    tasks = _tasks(report) if report else []
    if report is None or not tasks:
        return None
    champion = read_evaluation(run, "champion")
    corpus = open_run_corpus(run)
    path = run.artifact("evaluate_model", "challenger", NEIGHBOURS_FILE)
    neighbours = pq.read_table(path).to_pylist() if path else []
    shown = {row[column] for row in neighbours for column in ("query_id", "image_id")}
    pictures = embed_pictures(corpus, shown) if corpus else {}
    titles = _titles(corpus, shown)
    columns = _columns(tasks[0], report)
    return {
        "columns": list(columns.values()),
        "tasks": [
            {
                "name": task,
                "description": _description(corpus, task),
                "rows": _rows(task, columns, report, champion),
                "within": _within(task, report),
                "ratios": _ratios(task, report),
                "sheet": _contact_sheet(task, neighbours, pictures, titles),
            }
            for task in tasks
        ],
    }


def _tasks(report: EvaluationReport) -> list[str]:
    return [metric.name.removesuffix(_STEM) for metric in report.metrics if metric.name.endswith(_STEM)]


def _columns(task: str, report: EvaluationReport) -> dict[str, str]:
    """Names and titles of what is shown: precision at every k, recall and hits at the largest, and whole rankings."""
    stem = f"{task}/float/p_at_"
    found = (metric.name.removeprefix(stem) for metric in report.metrics if metric.name.startswith(stem))
    ranks = sorted(int(k) for k in found if k.isdigit())
    shown = {"p_at_": ranks, "r_at_": ranks[-1:], "cmc_at_": ranks[-1:]}
    return {f"{name}{k}": f"{title}{k}" for name, title in _AT_K.items() for k in shown[name]} | _WHOLE


def _description(corpus: Corpus | None, task: str) -> str:
    tasks = corpus.manifest.tasks if corpus else ()
    return next((item.description for item in tasks if item.name == task), "")


def _titles(corpus: Corpus | None, image_ids: set[str]) -> dict[str, str]:
    """The first text of each image; the image id stands in where there is none."""
    if corpus is None:
        return {}
    return {image_id: texts[0]["text"] for image_id, texts in read_texts(corpus, image_ids, 1).items() if texts}


def _rows(
    task: str, columns: Iterable[str], report: EvaluationReport, champion: EvaluationReport | None
) -> list[dict[str, Any]]:
    """The mean over directions, then each direction, in every precision; and the champion's mean."""
    stem = f"{task}{_STEM}/"
    directions = [
        metric.name.removeprefix(stem)
        for metric in report.metrics
        if metric.name.startswith(stem) and "->" in metric.name.removeprefix(stem)
    ]
    rows = [_row(task, columns, report, precision, "") for precision in _PRECISIONS]
    if champion:
        rows += [_row(task, columns, champion, precision, "", "champion") for precision in _PRECISIONS]
    rows += [_row(task, columns, report, precision, name) for name in directions for precision in _PRECISIONS]
    chance = {item.metric: item.value for item in report.baselines if item.kind == "chance"}
    cells = [{"value": format_share(chance.get(f"{task}/float/{key}")), "interval": ""} for key in columns]
    return [*rows, {"title": "a random order", "precision": "chance", "cells": cells, "kind": "chance"}]


def _row(
    task: str, columns: Iterable[str], report: EvaluationReport, precision: str, direction: str, kind: str = ""
) -> dict[str, Any]:
    cells = []
    for key in columns:
        metric = report.metric("/".join(filter(None, (task, precision, key, direction))))
        cells.append(
            {
                "value": format_share(metric.value if metric else None),
                "interval": format_interval(metric) if metric else "",
            }
        )
    title = direction.replace("->", " → ") or ("champion, all directions" if kind else "all directions")
    return {
        "title": title,
        "precision": _PRECISIONS[precision],
        "cells": cells,
        "kind": kind or ("" if direction else "mean"),
    }


def _within(task: str, report: EvaluationReport) -> list[dict[str, str]]:
    stem = f"{task}{_STEM}/within/"
    return [
        {
            "task": metric.name.removeprefix(stem),
            "value": format_share(metric.value),
            "interval": format_interval(metric),
        }
        for metric in report.metrics
        if metric.name.startswith(stem)
    ]


def _ratios(task: str, report: EvaluationReport) -> list[dict[str, str]]:
    """What codes keep of float P@1: by themselves, and when a float query meets them."""
    found = ((means, report.metric(f"{task}/{name}_ratio")) for name, means in _KEEPERS.items())
    return [
        {"means": means, "value": format_share(metric.value), "interval": format_interval(metric)}
        for means, metric in found
        if metric
    ]


def _contact_sheet(
    task: str, neighbours: list[dict[str, Any]], pictures: Mapping[str, str], titles: Mapping[str, str]
) -> list[dict[str, Any]]:
    rows = [row for row in neighbours if row["task"] == task]
    return [
        {
            "direction": direction.replace("->", " → "),
            "query": _picture(query_id, pictures, titles),
            "neighbours": [
                _picture(row["image_id"], pictures, titles)
                | {
                    "rank": row["rank"],
                    "similarity": f"{row['similarity']:.2f}",
                    "is_match": row["is_match"],
                }
                for row in found
            ],
        }
        for (direction, query_id), found in groupby(rows, lambda row: (row["direction"], row["query_id"]))
    ]


def _picture(image_id: str, pictures: Mapping[str, str], titles: Mapping[str, str]) -> dict[str, Any]:
    return {"image_id": image_id, "source": pictures.get(image_id), "title": titles.get(image_id, image_id)}
