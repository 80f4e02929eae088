"""Training curves of both stages, and what pretraining took beside its plan."""

from typing import Any

import numpy as np

from vitrail.contracts.models import METRICS_FILE
from vitrail.reporting.artifacts import read_json_lines
from vitrail.reporting.charts import Chart, Series, line_chart
from vitrail.reporting.features import describe_features
from vitrail.reporting.run import Run
from vitrail.training.plan import PlanReview

__all__ = ["training"]

# Every pair of `vitrail.training.Taken`: what to call it, how to print it, in which unit.
_PLANNED: dict[str, tuple[str, str, float]] = {
    "num_steps": ("steps", "{:,.0f}", 1),
    "hours": ("hours", "{:,.3f}", 1),
    "device_hours": ("device-hours", "{:,.3f}", 1),
    "images_per_s": ("images per second", "{:,.0f}", 1),
    "utilisation": ("share of the peak", "{:.1%}", 1),
    "bytes_read": ("images read, MB", "{:,.2f}", 1e6),
    "label_rows": ("label rows read", "{:,.0f}", 1),
    "label_values": ("labels read", "{:,.0f}", 1),
    "checkpoint_bytes": ("checkpoint, MB", "{:,.2f}", 1e6),
}
_STAGES = {"pretrain_backbone": "Pretraining on weak labels", "finetune_tasks": "Fine-tuning on tasks"}


def training(run: Run) -> dict[str, Any] | None:
    """Charts and a few numbers for each stage that logged, and what became of its features where that is known."""
    stages = []
    for step, title in _STAGES.items():
        path = run.artifact(step, METRICS_FILE)
        lines = [line for line in read_json_lines(path) if "step" in line] if path else []
        if steps := [line for line in lines if "loss" in line]:
            stages.append(_stage(title, steps) | {"features": describe_features(title, lines)})
    return {"stages": stages, "review": _review(run)} if stages else None


def _review(run: Run) -> dict[str, Any] | None:
    review = run.read(PlanReview, "pretrain_backbone")
    if review is None:
        return None
    pairs = [(shown, getattr(review.taken, name)) for name, shown in _PLANNED.items()]
    rows = [(title, *(form.format(value / unit) for value in pair)) for (title, form, unit), pair in pairs]
    return {"hardware": review.hardware, "rows": rows}


def _stage(title: str, lines: list[dict[str, Any]]) -> dict[str, Any]:
    waiting = _mean_share(lines, "data_wait_share")
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
            _curve(title, "learning rate", "Warm-up and decay.", lines, "learning_rate"),
            _curve(title, "images per second", f"Waiting for data: {waiting} of the time.", lines, "images_per_s"),
            _curve(title, "gradient norm", "Of the whole gradient, before clipping.", lines, "grad_norm"),
        ],
        "facts": {
            "steps": f"{lines[-1]['step']:,}",
            "images per second (median)": _median(lines, "images_per_s", "{:,.0f}"),
            "waiting for data (mean)": waiting,
            "gradient norm (median)": _median(lines, "grad_norm", "{:.3g}"),
            "peak memory": f"{max(_values(lines, 'memory_bytes'), default=0) / 1e6:,.0f} MB",
            "seconds": f"{lines[-1].get('seconds', 0):,.0f}",
        },
    }


def _curve(stage: str, name: str, description: str, lines: list[dict[str, Any]], key: str) -> Chart:
    return line_chart(f"{stage}: {name}", description, [_series(name, lines, key)], x_title="step", y_title=name)


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
