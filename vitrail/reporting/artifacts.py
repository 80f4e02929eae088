"""The artifacts of a run that several sections read; None where a step left none."""

import json
from pathlib import Path
from typing import Any

from vitrail.contracts.evaluation import EvaluationReport, Metric
from vitrail.contracts.verdict import Verdict
from vitrail.corpus import Corpus, open_corpus
from vitrail.reporting.run import Run

__all__ = [
    "format_interval",
    "format_share",
    "open_run_corpus",
    "read_evaluation",
    "read_json_lines",
    "read_verdict",
]


def open_run_corpus(run: Run) -> Corpus | None:
    """The corpus of the run."""
    path = run.artifact("checkout_corpus")
    return open_corpus(path) if path else None


def read_evaluation(run: Run, model: str = "challenger") -> EvaluationReport | None:
    """The evaluation of the challenger or of the champion."""
    return run.read(EvaluationReport, "evaluate_model", model)


def read_verdict(run: Run) -> Verdict | None:
    """The verdict on the challenger."""
    return run.read(Verdict, "gate_model")


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON Lines file; what a killed process left half-written at the end is dropped."""
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            value = json.loads(text)
        except ValueError:
            break
        if isinstance(value, dict):
            lines.append(value)
    return lines


def format_share(value: float | None) -> str:
    """A share as a percentage."""
    return "–" if value is None else f"{100 * value:.1f}%"


def format_interval(metric: Metric) -> str:
    """A metric's interval as percentages."""
    return f"{100 * metric.low:.1f} to {100 * metric.high:.1f}"
