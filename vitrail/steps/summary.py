"""The run in one JSON object (`summary.json`): what a CI job or a person reads first."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from vitrail.contracts.codec import read
from vitrail.contracts.contract import Contract
from vitrail.contracts.corpus import CorpusManifest
from vitrail.contracts.evaluation import EvaluationReport
from vitrail.contracts.labels import LabelSetManifest
from vitrail.contracts.registry import ModelVersion
from vitrail.contracts.runs import StepRecord
from vitrail.contracts.verdict import Verdict
from vitrail.steps.table import step_names
from vitrail.steps.workspace import Workspace

__all__ = ["summarise_run"]

C = TypeVar("C", bound=Contract)


def summarise_run(workspace: Workspace) -> dict[str, Any]:
    """What the run's steps made; whatever a failed or skipped step did not make is null."""
    summed_up = step_names("always", "blessed")
    records = {record.step: record for record in workspace.records() if record.step in summed_up}
    corpus = _read(records, "checkout_corpus", CorpusManifest)
    labels = _read(records, "derive_labels", LabelSetManifest)
    evaluation = _read(records, "evaluate_model", EvaluationReport, "challenger")
    verdict = _read(records, "gate_model", Verdict)
    lineage = workspace.lineage()
    return {
        "run_id": workspace.run_id,
        **_ending(records, is_blessed=verdict is not None and verdict.status == "blessed"),
        "corpus_digest": corpus.digest if corpus else None,
        "num_images": corpus.num_images if corpus else None,
        "num_labels": labels.num_labels if labels else None,
        "seconds": {name: round(record.seconds, 2) for name, record in records.items()},
        "reused": [name for name, record in records.items() if record.is_reused],
        "metrics": _metrics(evaluation),
        "verdict": verdict.status if verdict else None,
        "model": _model(records),
        "bento": lineage.bento,
        "lineage": dataclasses.asdict(lineage),
    }


def _ending(records: Mapping[str, StepRecord], *, is_blessed: bool) -> dict[str, str | None]:
    """Whether every step that was due has succeeded, and where it went wrong."""
    for step in step_names("always", "blessed") if is_blessed else step_names("always"):
        record = records.get(step)
        if record is None:
            return {
                "status": "unfinished",
                "failed_step": step,
                "error": "it was not started, or died before its record",
            }
        if record.status != "succeeded":
            error = record.error or "it was killed: its record still says that it runs"
            return {"status": "failed", "failed_step": step, "error": error}
    return {"status": "succeeded", "failed_step": None, "error": None}


def _read(records: Mapping[str, StepRecord], step: str, kind: type[C], folder: str = "") -> C | None:
    record = records.get(step)
    if record is None or record.status != "succeeded" or record.artifact is None:
        return None
    return read(kind, Path(record.artifact) / folder)


def _metrics(evaluation: EvaluationReport | None) -> dict[str, dict[str, float]]:
    metrics = evaluation.metrics if evaluation else ()
    return {metric.name: {"value": metric.value, "low": metric.low, "high": metric.high} for metric in metrics}


def _model(records: Mapping[str, StepRecord]) -> dict[str, str] | None:
    version = _read(records, "register_model", ModelVersion)
    if version is None:
        return None
    promoted = records.get("promote_model")
    is_champion = promoted is not None and promoted.status == "succeeded"
    return {
        "name": version.name,
        "version": version.version,
        "alias": "champion" if is_champion else "challenger",
    }
