"""How the features of a trunk changed while it was pretrained."""

from collections.abc import Sequence
from typing import Any

from vitrail.reporting.artifacts import format_share
from vitrail.reporting.charts import Chart, Series, line_chart
from vitrail.training.probe.findings import Look, find_harm, read_looks

__all__ = ["describe_features"]


def describe_features(title: str, lines: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Charts, facts and what went wrong, from the lines of a training log; None when it was not looked at."""
    looks = read_looks(lines)
    if not looks:
        return None
    first, last = looks[0], looks[-1]
    facts = {"validation images looked at": f"{last['num_images']:,}"}
    facts |= {
        f"nearest neighbours agree, {name}": f"{format_share(first['nearest'].get(name))} → {format_share(share)}"
        for name, share in last["nearest"].items()
    }
    facts["effective rank of the features"] = f"{first['effective_rank']:.1f} → {last['effective_rank']:.1f}"
    return {
        "facts": facts,
        "harm": find_harm(looks),
        "charts": [_neighbours(title, looks), _rank(title, looks)],
    }


def _neighbours(title: str, looks: Sequence[Look]) -> Chart:
    names = sorted({name for look in looks for name in look["nearest"]})
    series = []
    for name in names:
        asked = [look for look in looks if name in look["nearest"]]
        series.append(
            Series(name=name, x=[look["step"] for look in asked], y=[look["nearest"][name] for look in asked])
        )
    return line_chart(
        f"{title}: nearest neighbours",
        "How often the nearest neighbour of a validation image, by cosine of the trunk's pooled features as they are, "
        "has its label; of weak labels (annotations), the share that both have. Neighbours are of another domain in "
        "retrieval tasks, of another group in others. Step 0 is before the first step.",
        series,
        x_title="step",
        y_title="agreement",
    )


def _rank(title: str, looks: Sequence[Look]) -> Chart:
    steps, ranks = [look["step"] for look in looks], [look["effective_rank"] for look in looks]
    return line_chart(
        f"{title}: effective rank",
        "How many dimensions the features use: the exponential of the entropy of their singular values (Roy & Vetterli "
        f"2007), {ranks[0]:.1f} at step {steps[0]:,} and {ranks[-1]:.1f} at step {steps[-1]:,}.",
        [Series(name="effective rank", x=steps, y=ranks)],
        x_title="step",
        y_title="effective rank",
    )
