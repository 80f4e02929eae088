"""Measures the data of a run, checks it, and stops the run when a critical expectation failed."""

import logging
from dataclasses import replace
from pathlib import Path

from vitrail.contracts.codec import encode, read, write
from vitrail.contracts.files import atomic_folder, digest_json
from vitrail.contracts.labels import LabelSetManifest
from vitrail.contracts.validation import ExpectationResult, Profile, SuiteResult, ValidationReport
from vitrail.corpus import open_corpus
from vitrail.errors import DataValidationError
from vitrail.validation.config import ValidationConfig

__all__ = ["validate_data"]

_log = logging.getLogger(__name__)
_MAX_NAMED = 5  # failures spelled out in the error message


def validate_data(
    corpus: Path, labels: Path, out: Path, config: ValidationConfig, *, baseline: Path | None = None
) -> ValidationReport:
    """Validates a corpus and its label set.

    Args:
        corpus: The corpus folder.
        labels: The label set folder.
        out: Gets validation.json, profile.json, suites/ and data_docs/; appears whole or not at all.
        config: Sample sizes and limits.
        baseline: Folder of the validation of the last blessed run, to measure drift against.

    Raises:
        DataValidationError: A critical expectation failed. Everything is written by then; the message names
            file, column and a sample of the rows.
            Also when `baseline` holds no profile.
        CorpusError, LabelError: There is no corpus, no index or no label set at all.
    """
    # Great Expectations takes seconds to import, and every recipe imports this package for its configuration.
    from vitrail.validation.measures import measure
    from vitrail.validation.plan import check_measures

    opened = open_corpus(corpus)
    manifest = read(LabelSetManifest, labels)
    previous = read(Profile, baseline) if baseline else None
    measures = measure(opened, labels, manifest, config)
    with atomic_folder(out) as partial:
        results = check_measures(opened.manifest, measures, previous, config, partial)
        report = _report(opened.manifest.digest, manifest.digest, config, previous, results)
        write(partial, report)
        write(partial, measures.profile)
    for suite, expectation in report.failed("warning"):
        _log.warning("%s", _describe(suite, expectation))
    if not report.success:
        raise DataValidationError(_message(report))
    return report


def _report(
    corpus_digest: str,
    labels_digest: str,
    config: ValidationConfig,
    previous: Profile | None,
    results: tuple[SuiteResult, ...],
) -> ValidationReport:
    is_failed = any(
        not expectation.success and expectation.severity == "critical"
        for result in results
        for expectation in result.expectations
    )
    report = ValidationReport(
        validation_id="",
        corpus_digest=corpus_digest,
        labels_digest=labels_digest,
        config_digest=config.digest,
        baseline_digest=None if previous is None else digest_json(encode(previous)),
        success=not is_failed,
        results=results,
    )
    return replace(report, validation_id=digest_json(encode(report)))


def _describe(suite: str, expectation: ExpectationResult) -> str:
    places = "; ".join(
        f"{place.file} ({place.observed})" + (f": {', '.join(place.rows)}" if place.rows else "")
        for place in expectation.failing[:_MAX_NAMED]
    )
    rest = len(expectation.failing) - _MAX_NAMED
    more = f"; and {rest} more files" if rest > 0 else ""
    found = f"{places}{more}" if places else expectation.observed
    where = expectation.column if " " in expectation.column else f"column {expectation.column}"
    return f"{suite}, {where}: expected that {expectation.claim}; found {found}"


def _message(report: ValidationReport) -> str:
    failures = report.failed("critical")
    named = "\n".join(f"- {_describe(suite, expectation)}" for suite, expectation in failures[:_MAX_NAMED])
    rest = len(failures) - _MAX_NAMED
    more = f"\n- and {rest} more" if rest > 0 else ""
    return (
        f"{len(failures)} critical expectations on the data failed:\n{named}{more}\n"
        "Repair the files, or build the corpus and derive the labels again; "
        "all results are in validation.json and data_docs/index.html of this step's output"
    )
