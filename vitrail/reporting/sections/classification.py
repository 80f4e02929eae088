"""Tasks with classes: aggregates beside chance, a metric of every class with its interval, confusion."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from vitrail.contracts.evaluation import Baseline, ConfusionMatrix, EvaluationReport, MeasuredTask
from vitrail.evaluation.measures import Aggregate, Measures, find_measures
from vitrail.reporting.artifacts import format_interval, format_share, open_run_corpus, read_evaluation
from vitrail.reporting.charts import Chart, Series, bar_chart, line_chart
from vitrail.reporting.run import Run

__all__ = ["classification"]

_MOST_CLASSES = 24
_NARROW_CLASSES = 7  # a confusion matrix of so many fits beside the chart


def classification(run: Run) -> dict[str, Any] | None:
    """Each measured task whose kind has metrics over classes."""
    report = read_evaluation(run)
    measured = [(task, find_measures(task.kind)) for task in report.tasks] if report else []
    shown = [(task, measures) for task, measures in measured if measures.aggregates]
    if report is None or not shown:
        return None
    champion = read_evaluation(run, "champion")
    corpus = open_run_corpus(run)
    described = {task.name: task.description for task in corpus.manifest.tasks} if corpus else {}
    return {
        "has_champion": champion is not None,
        "tasks": [
            {"description": described.get(task.name, "")} | _task(task, measures, report, champion)
            for task, measures in shown
        ],
    }


def _task(
    task: MeasuredTask, measures: Measures, report: EvaluationReport, champion: EvaluationReport | None
) -> dict[str, Any]:
    confusion = next((item for item in report.confusion if item.task == task.name), None)
    classes = _shown(task.name, confusion, report)
    return {
        "name": task.name,
        "kind": task.kind,
        "aggregates": _aggregates(task.name, measures.aggregates, report, champion),
        "is_wide": confusion is None or len(classes) > _NARROW_CLASSES,
        "chart": _class_chart(task.name, measures, classes, report),
        "confusion": _confusion(confusion, classes) if confusion else None,
        "reliability": _reliability_chart(task.name, report),
        "columns": [name.replace("_", " ") for name in measures.per_class],
        "classes": _class_rows(task.name, measures.per_class, classes, report),
    }


def _aggregates(
    task: str, aggregates: Sequence[Aggregate], report: EvaluationReport, champion: EvaluationReport | None
) -> list[dict[str, str]]:
    rows = []
    for aggregate in aggregates:
        name = f"{task}/{aggregate.name}"
        metric, other = report.metric(name), champion.metric(name) if champion else None
        show = format_share if aggregate.is_share else _format_number
        if metric:
            rows.append(
                {
                    "title": aggregate.title,
                    "name": name,
                    "value": show(metric.value),
                    "interval": f"{show(metric.low)} to {show(metric.high)}".replace("%", ""),
                    "champion": show(other.value if other else None),
                    "chance": show(_baseline(report.baselines, name, "chance")),
                    "majority": show(_baseline(report.baselines, name, "majority")),
                    "num_units": f"{metric.num_units:,}",
                }
            )
    return rows


def _format_number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _baseline(baselines: tuple[Baseline, ...], metric: str, kind: str) -> float | None:
    return next((item.value for item in baselines if item.metric == metric and item.kind == kind), None)


def _class_chart(task: str, measures: Measures, classes: Sequence[str], report: EvaluationReport) -> Chart:
    drawn = measures.per_class[0]
    found = {name: report.metric(f"{task}/{drawn}/{name}") for name in classes}
    metrics = {name: metric for name, metric in found.items() if metric}
    mean = report.metric(f"{task}/{measures.class_mean}")
    title = drawn.replace("_", " ")
    return bar_chart(
        f"{title.capitalize()} of each class, {task}",
        f"{measures.drawn_means}, with 95% bootstrap intervals. "
        + (f"The mean over classes is {format_share(mean.value)}." if mean else ""),
        [
            Series(
                name=title,
                x=[metric.value for metric in metrics.values()],
                y=list(metrics),
                low=[metric.low for metric in metrics.values()],
                high=[metric.high for metric in metrics.values()],
            )
        ],
        x_title=title,
        is_share=True,
        marks={"mean": mean.value} if mean else None,
    )


def _reliability_chart(task: str, report: EvaluationReport) -> Chart | None:
    """Probability against the share that is right, beside the diagonal on which a calibrated model lies."""
    found = next((item for item in report.reliability if item.task == task), None)
    if found is None:
        return None
    error = report.metric(f"{task}/calibration_error")
    return line_chart(
        f"Calibration of {task}",
        "Guesses in bins of about the same probability. Below the diagonal the model is too sure of itself. "
        + (f"The distance is {format_share(error.value)} on average ({format_interval(error)})." if error else ""),
        [
            Series(
                name="this model",
                x=[item.mean_probability for item in found.bins],
                y=[item.share_right for item in found.bins],
            ),
            Series(name="calibrated", x=[0.0, 1.0], y=[0.0, 1.0]),
        ],
        x_title="probability of a guess",
        y_title="share that is right",
    )


def _shown(task: str, confusion: ConfusionMatrix | None, report: EvaluationReport) -> list[str]:
    """The classes that fit a page: those with the most test images, in the head's order."""
    stem = f"{task}/recall/"
    tested = {m.name.removeprefix(stem): m.num_units for m in report.metrics if m.name.startswith(stem)}
    names = list(confusion.classes if confusion else tested)
    totals = np.array([tested.get(name, 0) for name in names])
    kept = np.sort(np.argsort(-totals, kind="stable")[:_MOST_CLASSES])
    return [names[index] for index in kept.tolist()]


def _confusion(confusion: ConfusionMatrix, shown: Sequence[str]) -> dict[str, Any]:
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


def _class_rows(
    task: str, metrics: Sequence[str], classes: Sequence[str], report: EvaluationReport
) -> list[dict[str, Any]]:
    rows = []
    for name in classes:
        found = {kind: report.metric(f"{task}/{kind}/{name}") for kind in metrics}
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
