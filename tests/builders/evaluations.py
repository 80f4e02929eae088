"""Folders of evaluations of one metric, as good or as broken as a gate may find them."""

import dataclasses
import json

import numpy as np
import pyarrow.parquet as pq

from vitrail.contracts.codec import encode
from vitrail.contracts.evaluation import EvaluationReport, MeasuredTask, Metric
from vitrail.gates import Outcomes, estimate, outcomes_table

__all__ = ["NUM_UNITS", "hits", "write_evaluation"]

NUM_UNITS = 400
_NAMES = {"mean": "task/accuracy", "gap": "task/recall_gap", "kappa": "task/accuracy"}


def hits(share, num_units=NUM_UNITS):
    return (np.arange(num_units) < share * num_units).astype(float)


def write_evaluation(
    folder,
    values,
    *,
    model="a" * 64,
    corpus="c" * 64,
    split="test",
    statistic="mean",
    units=None,
    groups=None,
    strata=None,
    references=None,
    tasks=None,
    system=None,
    value=None,
    drop=None,
):
    """An evaluation with one metric; `value` is reported instead of its own, and `drop` leaves out a part."""
    num_units = len(values)
    units = np.array(units if units is not None else [f"image-{i:04d}" for i in range(num_units)])
    outcomes = Outcomes(
        metric=_NAMES[statistic],
        statistic=statistic,
        units=units,
        groups=units if groups is None else np.array(groups),
        strata=np.full(num_units, "") if strata is None else strata,
        values=np.asarray(values),
        references=np.ones(num_units) if references is None else np.asarray(references, np.float64),
    )
    found = estimate(outcomes, num_resamples=200, seed=0)
    metric = Metric(name=outcomes.metric, value=found.value, low=found.low, high=found.high, num_units=num_units)
    if value is not None:
        metric = dataclasses.replace(metric, value=value)
    kinds = tasks or {"task": "classification"}
    report = EvaluationReport(
        model_id=model,
        corpus_digest=corpus,
        split=split,
        metrics=() if drop == "metric" else (metric,),
        confusion=(),
        tasks=tuple(MeasuredTask(name=name, kind=kind) for name, kind in kinds.items()),
        system=system,
    )
    folder.mkdir()
    (folder / "evaluation.json").write_text(json.dumps(encode(report)))  # which `save` refuses with a NaN
    pq.write_table(outcomes_table([] if drop == "outcomes" else [outcomes]), folder / "outcomes.parquet")
    return folder
