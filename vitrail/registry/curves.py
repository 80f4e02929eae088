"""Curves of trainings in MLflow: in one run a pipeline run, which its trainings and its registration share."""

import json
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitrail.registry.client import connect, find_experiment, quoted
from vitrail.registry.config import RegistryConfig

if TYPE_CHECKING:
    from mlflow.entities import Metric, Run
    from mlflow.tracking import MlflowClient

__all__ = ["allowed_name", "leaves", "log_curves", "log_metrics", "open_run", "write_curve"]

_METRICS_A_CALL = 1000  # MLflow's limit


def log_curves(log: Path, *, stage: str, run_id: str, is_complete: bool, config: RegistryConfig) -> None:
    """Logs a training to the MLflow run of its pipeline run, without the points that are there already.

    Args:
        log: `training.jsonl`; a training that did not get that far logs nothing.
        stage: First part of the names of its curves.
        run_id: Of the pipeline run.
        is_complete: Whether the training came to its end.
        config: The registry.

    Raises:
        RegistryError: MLflow cannot be reached or refuses.
    """
    if not log.exists():
        return
    with connect(config) as client:
        run = open_run(client, find_experiment(client, config), run_id)
        write_curve(client, run, stage, log)
        client.set_terminated(run.info.run_id, "FINISHED" if is_complete else "FAILED")


def open_run(client: "MlflowClient", experiment: str, run_id: str, *, is_for_model: bool = False) -> "Run":
    """The MLflow run of a pipeline run, made when there is none; for a model, one that has no model yet."""
    for run in client.search_runs([experiment], f"tags.run_id = {quoted(run_id)}", order_by=["attributes.start_time"]):
        if not (is_for_model and "model_id" in run.data.tags):
            return run
    return client.create_run(experiment, run_name=run_id, tags={"run_id": run_id})


def write_curve(client: "MlflowClient", run: "Run", stage: str, log: Path) -> None:
    """Logs the points of a training log that the MLflow run does not have."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    known: dict[str, set[int]] = {}
    metrics = []
    for leaf, value, step in _points(log):
        name = allowed_name(f"{stage}/{leaf}")
        if name not in known:
            known[name] = _logged_steps(client, run, name)
        if step not in known[name]:
            metrics.append(Metric(name, value, now, step))
    log_metrics(client, run, metrics)


def _logged_steps(client: "MlflowClient", run: "Run", name: str) -> set[int]:
    if name not in run.data.metrics:
        return set()
    return {point.step for point in client.get_metric_history(run.info.run_id, name)}


def log_metrics(client: "MlflowClient", run: "Run", metrics: Sequence["Metric"]) -> None:
    """Logs any number of metrics."""
    for start in range(0, len(metrics), _METRICS_A_CALL):
        client.log_batch(run.info.run_id, metrics=metrics[start : start + _METRICS_A_CALL])


def _points(log: Path) -> Iterator[tuple[str, float, int]]:
    for record in _records(log.read_text(encoding="utf-8").splitlines()):
        step = int(record.pop("step"))
        for name, value in leaves("", record):
            if isinstance(value, int | float) and not isinstance(value, bool):
                yield name, float(value), step


def _records(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:
            return  # the last line of a process that was killed


def allowed_name(name: str) -> str:
    """MLflow takes letters, digits and `_-./: ` only."""
    return re.sub(r"[^/\w.\- :]", "_", name.replace("->", " to "))


def leaves(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The values of nested dicts by dotted name."""
    if isinstance(value, dict) and (value or not prefix):
        for name, child in value.items():
            yield from leaves(f"{prefix}.{name}" if prefix else str(name), child)
    else:
        yield prefix, value
