"""Training curves of both stages."""

from typing import Any

import numpy as np

from vitrail.reporting.artifacts import read_json_lines
from vitrail.reporting.charts import Series, line_chart
from vitrail.reporting.run import Run

__all__ = ["training"]

_STAGES = {"pretrain_backbone": "Pretraining on weak labels", "finetune_tasks": "Fine-tuning on tasks"}


def training(run: Run) -> dict[str, Any] | None:
    """A loss chart and a few numbers for each stage that logged."""
    stages = []
    for step, title in _STAGES.items():
        path = run.artifact(step, "training.jsonl")
        lines = [line for line in read_json_lines(path) if "step" in line and "loss" in line] if path else []
        if lines:
            stages.append(_stage(title, lines))
    return {"stages": stages} if stages else None


def _stage(title: str, lines: list[dict[str, Any]]) -> dict[str, Any]:
    losses = [_series("all tasks" if len(_tasks(lines)) > 1 else "loss", lines, "loss")]
    if len(_tasks(lines)) > 1:
        losses += [
            Series(
                name=task,
                x=[line["step"] for line in lines if task in line["losses"]],
                y=[line["losses"][task] for line in lines if task in line["losses"]],
            )
            for task in _tasks(lines)
        ]
    return {
        "title": title,
        "charts": [
            line_chart(
                f"{title}: loss",
                f"From {lines[0]['loss']:.3g} at step {lines[0]['step']} to {lines[-1]['loss']:.3g} at step "
                f"{lines[-1]['step']}.",
                losses,
                x_title="step",
                y_title="loss",
            ),
            line_chart(
                f"{title}: learning rate",
                "Warm-up and decay.",
                [_series("learning rate", lines, "learning_rate")],
                x_title="step",
                y_title="learning rate",
            ),
        ],
        "facts": {
            "steps": f"{lines[-1]['step']:,}",
            "images per second (median)": _median(lines, "images_per_s", "{:,.0f}"),
            "waiting for data (mean)": _mean_share(lines, "data_wait_share"),
            "seconds": f"{lines[-1].get('seconds', 0):,.0f}",
        },
    }


def _tasks(lines: list[dict[str, Any]]) -> list[str]:
    return sorted({task for line in lines for task in line.get("losses", {})})


def _series(name: str, lines: list[dict[str, Any]], key: str) -> Series:
    kept = [line for line in lines if isinstance(line.get(key), int | float)]
    return Series(name=name, x=[line["step"] for line in kept], y=[line[key] for line in kept])


def _values(lines: list[dict[str, Any]], key: str) -> list[float]:
    return [line[key] for line in lines if isinstance(line.get(key), int | float)]


def _median(lines: list[dict[str, Any]], key: str, form: str) -> str:
    values = _values(lines, key)
    return form.format(np.median(values)) if values else "–"


def _mean_share(lines: list[dict[str, Any]], key: str) -> str:
    values = _values(lines, key)
    return f"{100 * np.mean(values):.1f}%" if values else "–"
