"""Classification tasks: aggregates beside chance, recall of every class with its interval, confusion."""

from typing import Any

import numpy as np

from vitrail.contracts.evaluation import Baseline, ConfusionMatrix, EvaluationReport
from vitrail.reporting.artifacts import format_interval, format_share, open_run_corpus, read_evaluation
from vitrail.reporting.charts import Chart, Series, bar_chart
from vitrail.reporting.run import Run

__all__ = ["classification"]

_MOST_CLASSES = 24
_NARROW_CLASSES = 7  # a confusion matrix of so many fits beside the chart
_AGGREGATES = {
    "accuracy": "Accuracy",
    "macro_recall": "Mean recall of classes",
    "recall_gap": "Recall gap, best minus worst class",
    "lift": "Accuracy over that of naming the majority class",
}
_PER_CLASS = ("recall", "precision", "f1")


def classification(run: Run) -> dict[str, Any] | None:
    """Each classification task that was measured."""
    report = read_evaluation(run)
    if report is None or not report.confusion:
        return None
    champion = read_evaluation(run, "champion")
    corpus = open_run_corpus(run)
    described = {task.name: task.description for task in corpus.manifest.tasks} if corpus else {}
    return {
        "has_champion": champion is not None,
        "tasks": [
            {
                "name": confusion.task,
                "description": described.get(confusion.task, ""),
                "aggregates": _aggregates(confusion.task, report, champion),
                "is_wide": len(_shown(confusion)) > _NARROW_CLASSES,
                "chart": _recall_chart(confusion, report),
                "confusion": _confusion(confusion),
                "classes": _class_rows(confusion, report),
            }
            for confusion in report.confusion
        ],
    }


def _aggregates(task: str, report: EvaluationReport, champion: EvaluationReport | None) -> list[dict[str, str]]:
    rows = []
    for key, title in _AGGREGATES.items():
        name = f"{task}/{key}"
        metric, other = report.metric(name), champion.metric(name) if champion else None
        if metric:
            rows.append(
                {
                    "title": title,
                    "name": name,
                    "value": format_share(metric.value),
                    "interval": format_interval(metric),
                    "champion": format_share(other.value if other else None),
                    "chance": format_share(_baseline(report.baselines, name, "chance")),
                    "majority": format_share(_baseline(report.baselines, name, "majority")),
                    "num_units": f"{metric.num_units:,}",
                }
            )
    return rows


def _baseline(baselines: tuple[Baseline, ...], metric: str, kind: str) -> float | None:
    return next((item.value for item in baselines if item.metric == metric and item.kind == kind), None)


def _recall_chart(confusion: ConfusionMatrix, report: EvaluationReport) -> Chart:
    found = {name: report.metric(f"{confusion.task}/recall/{name}") for name in _shown(confusion)}
    metrics = {name: metric for name, metric in found.items() if metric}
    mean = report.metric(f"{confusion.task}/macro_recall")
    return bar_chart(
        f"Recall of each class, {confusion.task}",
        "Share of the test images of each class that were given that class, with 95% bootstrap intervals. "
        + (f"The mean over classes is {format_share(mean.value)}." if mean else ""),
        [
            Series(
                name="recall",
                x=[metric.value for metric in metrics.values()],
                y=list(metrics),
                low=[metric.low for metric in metrics.values()],
                high=[metric.high for metric in metrics.values()],
            )
        ],
        x_title="recall",
        is_share=True,
        marks={"mean": mean.value} if mean else None,
    )


def _shown(confusion: ConfusionMatrix) -> list[str]:
    """The classes that fit a page: those with the most test images, in the head's order."""
    totals = np.array(confusion.counts).sum(axis=1)
    kept = np.sort(np.argsort(-totals, kind="stable")[:_MOST_CLASSES])
    return [confusion.classes[index] for index in kept.tolist()]


def _confusion(confusion: ConfusionMatrix) -> dict[str, Any]:
    shown = _shown(confusion)
    places = [confusion.classes.index(name) for name in shown]
    counts = np.array(confusion.counts)[np.ix_(places, places)]
    totals = np.array(confusion.counts).sum(axis=1)[places]
    shares = counts / np.maximum(totals, 1)[:, None]
    return {
        "classes": shown,
        "num_hidden": len(confusion.classes) - len(shown),
        "rows": [
            {
                "name": name,
                "total": int(totals[row]),
                "cells": [
                    {
                        "count": int(counts[row, column]),
                        "percent": round(100 * float(shares[row, column])),
                        "is_hit": row == column,
                        "guess": shown[column],
                    }
                    for column in range(len(shown))
                ],
            }
            for row, name in enumerate(shown)
        ],
    }


def _class_rows(confusion: ConfusionMatrix, report: EvaluationReport) -> list[dict[str, Any]]:
    rows = []
    for name in _shown(confusion):
        found = {kind: report.metric(f"{confusion.task}/{kind}/{name}") for kind in _PER_CLASS}
        rows.append(
            {
                "name": name,
                "values": [
                    {
                        "value": format_share(metric.value if metric else None),
                        "interval": format_interval(metric) if metric else "",
                    }
                    for metric in found.values()
                ],
            }
        )
    return rows
