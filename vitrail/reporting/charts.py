"""Charts: plotly figures as data, drawn in the page by one copy of plotly.js in the colours of its theme.

Every chart carries its numbers as a table, for readers without scripts or sight, and for print.
"""

import html
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

__all__ = ["Chart", "Series", "bar_chart", "line_chart", "log_ticks"]

_FONT = "ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"
_PALETTE = ("#4179cf", "#cf5548", "#3b9a67", "#c98f1e", "#8a63c2", "#2a98a2", "#c05c92", "#87913c")
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
_GREY = "#8a8f98"
_HEIGHT = 320
_ROW_HEIGHT = 30
_FEWEST_TICKS = 3  # of a logarithmic axis
_FEW_POINTS = 24  # that a line shows each of


@dataclass(frozen=True, kw_only=True)
class Series:
    """Named points of a chart, with intervals where `low` and `high` are given."""

    name: str
    x: Sequence[float | str]
    y: Sequence[float | str]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart for the template: JSON of the figure, what it shows in words, and its numbers."""

    title: str
    description: str
    figure: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def line_chart(
    title: str,
    description: str,
    series: Sequence[Series],
    *,
    x_title: str,
    y_title: str,
    is_log: bool = False,
) -> Chart:
    """Lines over a common axis."""
    figure = go.Figure(layout=_layout(x_title, y_title, _HEIGHT, has_legend=len(series) > 1))
    for index, item in enumerate(series):
        figure.add_scatter(
            x=list(item.x),
            y=list(item.y),
            name=html.escape(item.name),
            mode="lines+markers" if len(item.x) <= _FEW_POINTS else "lines",
            line={
                "color": _PALETTE[index % len(_PALETTE)],
                "dash": _DASHES[index % len(_DASHES)],
                "width": 2,
            },
        )
    if is_log:
        figure.update_xaxes(type="log", tickvals=log_ticks([float(x) for item in series for x in item.x]))
        figure.update_yaxes(type="log", tickvals=log_ticks([float(y) for item in series for y in item.y]))
    rows = [
        (item.name, _number(x), _number(y))
        for item in series
        for x, y in _thinned(list(zip(item.x, item.y, strict=True)))
    ]
    return _chart(title, description, figure, ("series", x_title, y_title), rows)


def bar_chart(
    title: str,
    description: str,
    series: Sequence[Series],
    *,
    x_title: str,
    is_share: bool = False,
    marks: Mapping[str, float] | None = None,
) -> Chart:
    """Horizontal bars, one row per name in `y`, with intervals; `marks` are dotted lines across.

    `is_share` prints values as percentages on an axis from 0 to 1.
    """
    names = list(dict.fromkeys(str(name) for item in series for name in item.y))
    height = 110 + _ROW_HEIGHT * len(names) * max(1, len(series) * 0.6)
    layout = _layout(x_title, "", height, has_legend=len(series) > 1)
    figure = go.Figure(layout=layout | {"barmode": "group", "bargap": 0.35})
    for index, item in enumerate(series):
        figure.add_bar(
            x=list(item.x),
            y=[html.escape(str(name)) for name in item.y],
            name=html.escape(item.name),
            orientation="h",
            marker={"color": _PALETTE[index % len(_PALETTE)]},
            error_x=_errors(item),
            hovertemplate="%{y}: %{x:.1%}<extra></extra>" if is_share else "%{y}: %{x:.3~g}<extra></extra>",
        )
    for name, value in (marks or {}).items():
        figure.add_vline(
            x=value,
            line={"color": _GREY, "dash": "dot", "width": 1.5},
            annotation={"text": html.escape(name), "font": {"size": 11}, "yanchor": "bottom"},
        )
    figure.update_yaxes(autorange="reversed", type="category", gridcolor="rgba(0,0,0,0)")
    if is_share:
        figure.update_xaxes(range=[0, 1.03], dtick=0.25, tickformat=".0%")
    return _chart(title, description, figure, ("series", "name", "value", "low", "high"), _bar_rows(series))


def _bar_rows(series: Sequence[Series]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for item in series:
        for index, (x, y) in enumerate(zip(item.x, item.y, strict=True)):
            interval = (_number(item.low[index]), _number(item.high[index])) if item.low else ("", "")
            rows.append((item.name, str(y), _number(x), *interval))
    return rows


def _errors(item: Series) -> dict[str, object] | None:
    if not item.low:
        return None
    values = np.asarray(item.x, dtype=np.float64)
    return {
        "type": "data",
        "symmetric": False,
        "array": np.maximum(0, np.asarray(item.high) - values).tolist(),
        "arrayminus": np.maximum(0, values - np.asarray(item.low)).tolist(),
        "thickness": 1.5,
        "width": 4,
        "color": _GREY,
    }


def log_ticks(values: Sequence[float]) -> list[float]:
    """Powers of ten within the values; where these are fewer than three also 2 and 5 times those, or every digit."""
    positive = [value for value in values if value > 0]
    if not positive:
        return []
    low, high = min(positive), max(positive)
    powers = [10.0**power for power in range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)]
    for digits in ((1,), (1, 2, 5), range(1, 10)):
        ticks = [float(f"{digit * power:.1g}") for power in powers for digit in digits]
        inside = [tick for tick in ticks if low <= tick <= high]
        if len(inside) >= _FEWEST_TICKS:
            return inside
    return sorted({float(f"{value:.2g}") for value in np.linspace(low, high, _FEWEST_TICKS + 1)})


def _layout(x_title: str, y_title: str, height: float, *, has_legend: bool) -> dict[str, object]:
    return {
        "template": "none",
        "height": height,
        "margin": {"l": 8, "r": 16, "t": 28, "b": 44},
        "font": {"family": _FONT, "size": 12.5},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": has_legend,
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "xaxis": _axis(x_title),
        "yaxis": _axis(y_title),
        "hoverlabel": {"font": {"family": _FONT}},
    }


def _axis(title: str) -> dict[str, object]:
    return {
        "title": {"text": html.escape(title), "standoff": 8, "font": {"size": 12.5}},
        "automargin": True,
        "zeroline": False,
        "gridcolor": "rgba(128,132,140,0.22)",
        "linecolor": "rgba(128,132,140,0.5)",
    }


def _chart(
    title: str, description: str, figure: go.Figure, header: Sequence[str], rows: Sequence[tuple[str, ...]]
) -> Chart:
    data = json.dumps(json.loads(figure.to_json()), separators=(",", ":"))
    return Chart(
        title=title,
        description=description,
        figure=data.replace("<", "\\u003c"),  # so that no text can end the script element that holds it
        header=tuple(header),
        rows=tuple(rows),
    )


def _thinned(points: list[tuple[float | str, float | str]], most: int = 40) -> list[tuple[float | str, float | str]]:
    if len(points) <= most:
        return points
    return [points[int(i)] for i in np.linspace(0, len(points) - 1, most)]


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"
