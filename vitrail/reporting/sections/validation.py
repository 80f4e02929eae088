"""What was expected of the data and what was found."""

import os
from pathlib import Path
from typing import Any

from vitrail.contracts.validation import DATA_DOCS_PAGE, ExpectationResult, ValidationReport
from vitrail.reporting.run import Run

__all__ = ["validation"]


def validation(run: Run, page: Path) -> dict[str, Any] | None:
    """Counts per suite, everything that failed, and the way to Data Docs from where the page will lie."""
    report = run.read(ValidationReport, "validate_data")
    if report is None:
        return None
    docs = run.artifact("validate_data", DATA_DOCS_PAGE)
    return {
        "report": report,
        "suites": [
            {
                "name": suite.suite,
                "note": suite.note,
                "num": len(suite.expectations),
                "num_met": sum(expectation.success for expectation in suite.expectations),
                "success": suite.success,
            }
            for suite in report.results
        ],
        "failed": [
            _failed(suite.suite, expectation)
            for suite in report.results
            for expectation in suite.expectations
            if not expectation.success
        ],
        "docs": Path(os.path.relpath(docs, page.resolve().parent)).as_posix() if docs else None,
    }


def _failed(suite: str, expectation: ExpectationResult) -> dict[str, Any]:
    return {
        "suite": suite,
        "severity": expectation.severity,
        "claim": expectation.claim,
        "column": expectation.column,
        "observed": expectation.observed,
        "rows": [f"{item.file}: {', '.join(item.rows)}" for item in expectation.failing],
    }
