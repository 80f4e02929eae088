"""The verdict: every threshold checked, and blessed only when each one passed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from vitrail.contracts.codec import read
from vitrail.contracts.evaluation import OUTCOMES_FILE, EvaluationReport, MeasuredTask
from vitrail.contracts.verdict import Check, Verdict
from vitrail.gates.checks import Measured, check_change, check_costs, check_value
from vitrail.gates.config import GateConfig
from vitrail.gates.coverage import describe_coverage
from vitrail.gates.expansion import expand_thresholds
from vitrail.gates.outcomes import read_outcomes

__all__ = ["gate_model"]

Status = Literal["blessed", "rejected", "inconclusive"]


def gate_model(*, challenger: Path, champion: Path | None, champion_version: str | None, config: GateConfig) -> Verdict:
    """Decides whether the challenger may take the champion's place.

    Args:
        challenger: Evaluation folder of the new model.
        champion: Evaluation folder of the champion, measured on the same corpus; None when there is none.
        champion_version: The champion's version in the registry.
        config: The recipe's thresholds.

    Raises:
        EvaluationError: An evaluation folder is incomplete or malformed.
    """
    report = read(EvaluationReport, challenger)
    other = None if champion is None else read(EvaluationReport, champion)
    tasks = _all_tasks(report, other)
    coverage = describe_coverage(config, tasks, has_champion=other is not None)
    config = expand_thresholds(config, tasks)
    ours = _measured(report, challenger, config)
    theirs = None if champion is None or other is None else _measured(other, champion, config)
    checks = [*(check_value(threshold, report) for threshold in config.values), *check_costs(config.costs, report)]
    if theirs is not None:
        checks += [
            check_change(
                threshold,
                ours,
                theirs,
                num_resamples=config.num_resamples,
                min_groups=config.min_groups,
                seed=config.seed,
            )
            for threshold in config.changes
        ]
    gaps = _gaps(config, report, has_champion=theirs is not None)
    return Verdict(
        status=_status(checks, gaps),
        challenger_id=ours.report.model_id,
        champion_id=None if theirs is None else theirs.report.model_id,
        champion_version=None if theirs is None else champion_version,
        corpus_digest=ours.report.corpus_digest,
        checks=tuple(checks),
        reasons=(*_situation(ours, theirs, champion_version), *coverage, *gaps, *_complaints(checks)),
    )


def _all_tasks(report: EvaluationReport, other: EvaluationReport | None) -> tuple[MeasuredTask, ...]:
    """The tasks of both: what the champion can do and the challenger cannot must not go unchecked."""
    ours = {task.name for task in report.tasks}
    theirs = other.tasks if other else ()
    return (*report.tasks, *(task for task in theirs if task.name not in ours))


def _measured(report: EvaluationReport, folder: Path, config: GateConfig) -> Measured:
    names = [threshold.metric for threshold in config.changes]
    found = {name: read_outcomes(folder / OUTCOMES_FILE, name) for name in names}
    return Measured(report, {name: outcomes for name, outcomes in found.items() if outcomes is not None})


def _gaps(config: GateConfig, report: EvaluationReport, *, has_champion: bool) -> list[str]:
    """Why nothing that was checked could bless the model."""
    if report.split != "test":
        return [
            f"the challenger was measured on the split {report.split}, which choices are made by; measure it on test"
        ]
    if not config.values and not config.changes:
        return ["the recipe has no threshold for these tasks, so nothing can be blessed"]
    if not config.values and not has_champion:
        return ["a first model is judged by value thresholds, and the recipe has none for these tasks"]
    if not config.changes and has_champion:
        return ["there is a champion, and the recipe has no change threshold for these tasks to compare with it"]
    return []


def _status(checks: Sequence[Check], gaps: Sequence[str]) -> Status:
    outcomes = {check.outcome for check in checks}
    if gaps or not checks or "fail" in outcomes:
        return "rejected"
    return "inconclusive" if "inconclusive" in outcomes else "blessed"


def _situation(ours: Measured, theirs: Measured | None, version: str | None) -> list[str]:
    if theirs is None:
        return ["there is no champion yet: only value thresholds were checked"]
    name = f"the champion {version}" if version else "the champion"
    if ours.report.model_id == theirs.report.model_id:
        return [f"the challenger is {name} itself: both have model id {ours.report.model_id[:12]}"]
    return [f"compared with {name}, model id {theirs.report.model_id[:12]}, on the same test units"]


def _complaints(checks: Sequence[Check]) -> list[str]:
    return [
        f"{check.name} ({check.kind}): {check.outcome}, {check.reason}" for check in checks if check.outcome != "pass"
    ]
