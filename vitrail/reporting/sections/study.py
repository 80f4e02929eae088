"""What a study found of label recipes, corpora and shares of labels: the one that the recipe names."""

from typing import Any

from vitrail.contracts.study import Comparison, StudyReport, find_study
from vitrail.reporting.charts import Chart, Series, bar_chart, line_chart
from vitrail.reporting.run import Run

__all__ = ["study"]

_AGAINST = {"finetuning": "no pretraining, same fine-tuning", "compute": "no pretraining, same computation"}


def study(run: Run) -> dict[str, Any] | None:
    """Gains with intervals, and error by the size of pretraining; None where there is no study."""
    report = find_study(run.recipe.get("study"))
    if report is None:
        return None
    smallest = report.smallest_difference
    return {
        "report": report,
        "smallest": "–" if smallest is None else f"{100 * smallest:.0f}%",
        "charts": [*_gains(report), *_sizes(report)],
    }


def _gains(report: StudyReport) -> list[Chart]:
    found = {kind: [one for one in report.comparisons if one.kind == kind] for kind in _AGAINST}
    if not any(found.values()):
        return []
    return [
        bar_chart(
            "What pretraining adds",
            f"Relative rise of {report.metric}, in percent, over arms without pretraining.",
            [_bars(f"over {_AGAINST[kind]}", ones) for kind, ones in found.items() if ones],
            x_title="percent",
        )
    ]


def _bars(name: str, found: list[Comparison]) -> Series:
    return Series(
        name=name,
        x=[100 * one.gain.value for one in found],
        y=[one.arm for one in found],
        low=[100 * one.gain.low for one in found],
        high=[100 * one.gain.high for one in found],
    )


def _sizes(report: StudyReport) -> list[Chart]:
    if not report.fits:
        return []
    series = [
        Series(
            name=f"{fit.labels}/{fit.backbone}/{100 * fit.share:g}%",
            x=[point.num_images for point in fit.points],
            y=[point.error for point in fit.points],
        )
        for fit in report.fits
    ]
    return [
        line_chart(
            "Error by the size of pretraining",
            f"1 - {report.metric} by labelled images of the corpus that is pretrained on.",
            series,
            x_title="labelled images",
            y_title="error",
            is_log=True,
        )
    ]
