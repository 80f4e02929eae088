"""Plots of a study as SVG, drawn without a library: text on white, to be read anywhere Markdown is."""

import html
import math
from collections.abc import Callable, Iterable, Sequence

from vitrail.contracts.study import Comparison, SizeFit, StudyReport

__all__ = ["plot_gains", "plot_sizes"]

_COLOURS = ("#4179cf", "#cf5548", "#3b9a67", "#c98f1e", "#8a63c2", "#2a98a2")
_WIDTH, _ROW, _TOP, _LEFT, _RIGHT = 860, 26, 48, 330, 30
_TICKS = 6


def plot_gains(report: StudyReport) -> str | None:
    """A row a pretrained arm: its gain over none and over longer, with intervals; None without such an arm."""
    found = [one for one in report.comparisons if one.kind in ("finetuning", "compute")]
    if not found:
        return None
    names = list(dict.fromkeys(one.arm for one in found))
    low = min(0.0, *(one.gain.low for one in found))
    high = max(0.0, *(one.gain.high for one in found))
    scale = _Scale(low, high, _LEFT, _WIDTH - _RIGHT)
    bottom = _TOP + _ROW * len(names)
    parts = [
        *_axis(scale, bottom, lambda value: f"{100 * value:+.0f}%"),
        _line(scale(0), _TOP, scale(0), bottom, "#333"),
    ]
    for row, name in enumerate(names):
        y = _TOP + _ROW * (row + 0.5)
        parts.append(_text(_LEFT - 10, y + 4, name, anchor="end"))
        for one in (one for one in found if one.arm == name):
            parts += _interval(scale, one, y + (-4 if one.kind == "finetuning" else 4))
    legend = (("equal fine-tuning (over none)", _COLOURS[0]), ("equal computation (over longer)", _COLOURS[1]))
    return _svg([*_legend(legend), *parts], bottom + 34)


def plot_sizes(report: StudyReport) -> str | None:
    """Error by labelled images of the pretraining corpus, both in logarithms, with fitted lines; None without one."""
    if not report.fits:
        return None
    points = [point for fit in report.fits for point in fit.points]
    sizes, errors = [point.num_images for point in points], [point.error for point in points]
    across = _Scale(math.log10(min(sizes)), math.log10(max(sizes)), 70, _WIDTH - _RIGHT)
    top, bottom = _TOP + 22 * len(report.fits), _TOP + 22 * len(report.fits) + 260
    up = _Scale(math.log10(min(errors)), math.log10(max(errors)), bottom, top)
    parts = [*_axis(across, bottom, lambda value: f"{10**value:,.0f}"), _text(70, bottom + 34, "labelled images")]
    parts += [_text(62, up(tick) + 4, f"{10**tick:.3f}", anchor="end") for tick in up.ticks()]
    for number, fit in enumerate(report.fits):
        colour = _COLOURS[number % len(_COLOURS)]
        parts.append(_text(90, _TOP + 22 * number, f"{fit.labels}/{fit.backbone}/{100 * fit.share:g}%", colour=colour))
        parts += _fitted(fit, across, up, colour)
    return _svg(parts, bottom + 44)


class _Scale:
    """From values to pixels."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        margin = 0.06 * (high - low) or 0.5
        self._low, self._high, self._start, self._end = low - margin, high + margin, start, end

    def __call__(self, value: float) -> float:
        share = (value - self._low) / (self._high - self._low)
        return self._start + share * (self._end - self._start)

    def ticks(self) -> list[float]:
        """Round values, about half a dozen."""
        rough = (self._high - self._low) / _TICKS
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
        first = math.ceil(self._low / step)
        return [number * step for number in range(first, math.floor(self._high / step) + 1)]


def _axis(scale: _Scale, bottom: float, show: Callable[[float], str]) -> Iterable[str]:
    for tick in scale.ticks():
        yield _line(scale(tick), _TOP, scale(tick), bottom, "#e3e5e8")
        yield _text(scale(tick), bottom + 16, show(tick), anchor="middle")


def _interval(scale: _Scale, one: Comparison, y: float) -> list[str]:
    colour = _COLOURS[0 if one.kind == "finetuning" else 1]
    mark = f'<circle cx="{scale(one.gain.value):.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'
    return [_line(scale(one.gain.low), y, scale(one.gain.high), y, colour, width=2), mark]


def _fitted(fit: SizeFit, across: _Scale, up: _Scale, colour: str) -> list[str]:
    logarithms = [math.log10(point.num_images) for point in fit.points]
    ends = [(x, math.log10(fit.factor) + fit.exponent * x) for x in (min(logarithms), max(logarithms))]
    (x1, y1), (x2, y2) = ((across(x), up(y)) for x, y in ends)
    marks = (
        f'<circle cx="{across(x):.1f}" cy="{up(math.log10(point.error)):.1f}" r="4" fill="{colour}"/>'
        for x, point in zip(logarithms, fit.points, strict=True)
    )
    return [_line(x1, y1, x2, y2, colour, width=1.5), *marks]


def _legend(entries: Sequence[tuple[str, str]]) -> Iterable[str]:
    for number, (name, colour) in enumerate(entries):
        x = _LEFT + 250 * number
        yield f'<circle cx="{x}" cy="20" r="4" fill="{colour}"/>'
        yield _text(x + 10, 24, name)


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, *, width: float = 1) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width}"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", colour: str = "#333") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{html.escape(text)}</text>'


def _svg(parts: Iterable[str], height: float) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" width="{_WIDTH}" '
        f'font-family="system-ui, sans-serif" font-size="12.5">\n'
        f'<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n'
    )
