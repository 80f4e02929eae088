"""The run in one object: what its steps made, and how it ended."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeVar

from vitrail.contracts.codec import read
from vitrail.contracts.contract import Contract
from vitrail.contracts.corpus import CorpusManifest
from vitrail.contracts.evaluation import EvaluationReport
from vitrail.contracts.labels import LabelSetManifest
from vitrail.contracts.registry import ModelVersion
from vitrail.contracts.runs import RegisteredModel, RunSummary, StepRecord
from vitrail.contracts.verdict import Verdict
from vitrail.steps.table import step_names
from vitrail.steps.workspace import Workspace

__all__ = ["summarise_run"]

C = TypeVar("C", bound=Contract)
Status = Literal["succeeded", "failed", "unfinished"]


def summarise_run(workspace: Workspace) -> RunSummary:
    """What the run's steps made; whatever a failed or skipped step did not make is None."""
    summed_up = step_names("always", "blessed")
    records = {record.step: record for record in workspace.records() if record.step in summed_up}
    corpus = _read(records, "checkout_corpus", CorpusManifest)
    labels = _read(records, "derive_labels", LabelSetManifest)
    evaluation = _read(records, "evaluate_model", EvaluationReport, "challenger")
    verdict = _read(records, "gate_model", Verdict)
    lineage = workspace.lineage()
    status, failed_step, error = _ending(records, is_blessed=verdict is not None and verdict.is_blessed)
    return RunSummary(
        run_id=workspace.run_id,
        status=status,
        failed_step=failed_step,
        error=error,
        corpus_digest=corpus.digest if corpus else None,
        num_images=corpus.num_images if corpus else None,
        num_labels=labels.num_labels if labels else None,
        seconds={name: round(record.seconds, 2) for name, record in records.items()},
        reused=tuple(name for name, record in records.items() if record.is_reused),
        metrics=_metrics(evaluation),
        verdict=verdict.status if verdict else None,
        model=_model(records),
        bento=lineage.bento,
        lineage=lineage,
    )


def _ending(records: Mapping[str, StepRecord], *, is_blessed: bool) -> tuple[Status, str | None, str | None]:
    """Whether every step that was due has succeeded; else the step where it went wrong, and why."""
    for step in step_names("always", "blessed") if is_blessed else step_names("always"):
        record = records.get(step)
        if record is None:
            return "unfinished", step, "it was not started, or died before its record"
        if record.status != "succeeded":
            return "failed", step, record.error or "it was killed: its record still says that it runs"
    return "succeeded", None, None


def _read(records: Mapping[str, StepRecord], step: str, kind: type[C], folder: str = "") -> C | None:
    record = records.get(step)
    if record is None or record.status != "succeeded" or record.artifact is None:
        return None
    return read(kind, Path(record.artifact) / folder)


def _metrics(evaluation: EvaluationReport | None) -> dict[str, dict[str, float]]:
    metrics = evaluation.metrics if evaluation else ()
    return {metric.name: {"value": metric.value, "low": metric.low, "high": metric.high} for metric in metrics}


def _model(records: Mapping[str, StepRecord]) -> RegisteredModel | None:
    version = _read(records, "register_model", ModelVersion)
    if version is None:
        return None
    promoted = records.get("promote_model")
    is_champion = promoted is not None and promoted.status == "succeeded"
    return RegisteredModel(
        name=version.name, version=version.version, alias="champion" if is_champion else "challenger"
    )
