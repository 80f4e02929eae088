"""Axes of charts can be read, however little of a decade they show."""

import json

import pytest

from vitrail.reporting.charts import Series, line_chart, log_ticks


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([1, 30_000], [1, 10, 100, 1000, 10_000]),
        ([8_000, 64_000], [10_000, 20_000, 50_000]),
        ([0.62, 0.95], [0.7, 0.8, 0.9]),
        ([0.71, 0.75], [0.71, 0.72, 0.74, 0.75]),
        ([3], [3]),
        ([0, 5, 90], [5, 10, 20, 50]),
        ([0], []),
    ],
)
def test_a_logarithmic_axis_has_some_round_numbers(values, ticks):
    assert log_ticks(values) == ticks


def test_both_logarithmic_axes_have_their_own():
    chart = line_chart(
        "a", "b", [Series(name="c", x=[8000, 64000], y=[0.8, 0.6])], x_title="x", y_title="y", is_log=True
    )
    layout = json.loads(chart.figure)["layout"]
    assert layout["xaxis"]["tickvals"] == [10_000, 20_000, 50_000]
    assert layout["yaxis"]["tickvals"] == [0.6, 0.7, 0.8]
