"""The validation contract: what was expected of the data of a run, and what was found.

validation.json          ValidationReport
profile.json             Profile, what the next run's data is compared with
suites/<suite>.json      the Great Expectations suites
data_docs/index.html     Great Expectations Data Docs
"""

from dataclasses import dataclass
from typing import Literal

from vitrail.contracts.contract import Contract
from vitrail.errors import DataValidationError

__all__ = [
    "DATA_DOCS_FOLDER",
    "DATA_DOCS_PAGE",
    "ExpectationResult",
    "FailingRows",
    "Profile",
    "Severity",
    "SuiteResult",
    "ValidationReport",
]

DATA_DOCS_FOLDER = "data_docs"
DATA_DOCS_PAGE = f"{DATA_DOCS_FOLDER}/index.html"

Severity = Literal["critical", "warning", "info"]


@dataclass(frozen=True, kw_only=True)
class FailingRows:
    """Where an expectation failed: a file of the corpus or of the label set, and a sample of its rows."""

    file: str
    observed: str
    rows: tuple[str, ...]  # image_ids, or what identifies a row of the table; at most `num_examples`


@dataclass(frozen=True, kw_only=True)
class ExpectationResult:
    """One expectation. `column` is what it is about: a column of the files, or the file as a whole."""

    expectation: str  # the expectation type of Great Expectations
    column: str
    claim: str  # in words
    severity: Severity
    success: bool
    observed: str
    failing: tuple[FailingRows, ...]


@dataclass(frozen=True, kw_only=True)
class SuiteResult:
    """The results of one suite, in the order of the suite."""

    suite: str
    success: bool  # every expectation held, warnings included
    note: str
    expectations: tuple[ExpectationResult, ...]


@dataclass(frozen=True, kw_only=True)
class ValidationReport(
    Contract,
    noun="a validation",
    file="validation.json",
    error=DataValidationError,
    remedy="validate the data again (step validate_data)",
):
    """What `validate_data` found (`validation.json`)."""

    validation_id: str  # SHA-256 over inputs, configuration and results
    corpus_digest: str
    labels_digest: str
    config_digest: str
    baseline_digest: str | None  # of the profile that drift was measured against; None: there was no baseline
    success: bool  # no critical expectation failed
    results: tuple[SuiteResult, ...]

    def failed(self, severity: Severity) -> tuple[tuple[str, ExpectationResult], ...]:
        """The failed expectations of that severity, each with the name of its suite."""
        return tuple(
            (result.suite, expectation)
            for result in self.results
            for expectation in result.expectations
            if not expectation.success and expectation.severity == severity
        )


@dataclass(frozen=True, kw_only=True)
class Profile(
    Contract,
    noun="a validation",
    file="profile.json",
    error=DataValidationError,
    remedy="validate the data again (step validate_data)",
):
    """The shape of a run's data (`profile.json`): shares per category, which sum to 1."""

    corpus: str  # its name
    corpus_digest: str
    labels_digest: str
    num_images: int
    num_signals: int
    num_labels: int
    distributions: dict[str, dict[str, float]]
