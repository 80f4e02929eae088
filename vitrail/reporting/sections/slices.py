"""The headline metric of each task by how much text was known and in which language."""

from itertools import groupby
from typing import Any

from vitrail.contracts.evaluation import EvaluationReport, SliceMetric
from vitrail.reporting.artifacts import read_evaluation
from vitrail.reporting.charts import Chart, Series, bar_chart
from vitrail.reporting.run import Run

__all__ = ["slices"]

_DIMENSIONS = {
    "signals": "number of text signals known when the label was given",
    "language": "language of the texts",
}


def slices(run: Run) -> dict[str, Any] | None:
    """One chart for each metric and dimension."""
    report = read_evaluation(run)
    if report is None or not report.slices:
        return None
    groups = groupby(report.slices, lambda item: (item.metric, item.dimension))
    return {"charts": [_chart(metric, dimension, list(items), report) for (metric, dimension), items in groups]}


def _chart(metric: str, dimension: str, items: list[SliceMetric], report: EvaluationReport) -> Chart:
    whole = report.metric(metric)
    return bar_chart(
        f"{metric} by {dimension}",
        f"The metric on test images grouped by {_DIMENSIONS.get(dimension, dimension)}; the number of images "
        "stands in brackets.",
        [
            Series(
                name=metric,
                x=[item.value for item in items],
                y=[f"{item.bucket} ({item.num_units:,})" for item in items],
                low=[item.low for item in items],
                high=[item.high for item in items],
            )
        ],
        x_title=metric,
        is_share=True,
        marks={"all": whole.value} if whole else None,
    )
