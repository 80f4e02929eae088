"""Runs suites with Great Expectations: an ephemeral context, results in our contract, Data Docs once."""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import great_expectations as gx
import pyarrow as pa
from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults

from vitrail.contracts.files import write_json
from vitrail.contracts.validation import DATA_DOCS_FOLDER, ExpectationResult, FailingRows, SuiteResult
from vitrail.validation.data_docs import make_self_contained

__all__ = ["Check", "run_checks"]

_MAX_FILES = 20  # named per expectation


@dataclass(frozen=True, kw_only=True)
class Check:
    """A suite and the frame it is run on.

    A row of the frame is either a file, and `examples` names its failing rows by (measure, file); or a row of
    the data, which the column `row_name` identifies.
    """

    suite: gx.ExpectationSuite
    frame: pa.Table
    row_name: str | None = None
    examples: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    note: str = ""


def run_checks(checks: Iterable[Check], out: Path) -> tuple[SuiteResult, ...]:
    """Runs every check and writes `suites/<suite>.json` and `data_docs/` under `out`."""
    context = _context(out / DATA_DOCS_FOLDER)
    source = context.data_sources.add_pandas("vitrail")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas and marshmallow deprecations inside Great Expectations
        results = tuple(_run(context, source, check, out) for check in checks)
        context.build_data_docs()
    make_self_contained(out / DATA_DOCS_FOLDER, results)
    return results


def _context(docs: Path) -> Any:
    site = {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs.resolve())},
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    }
    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(),
        data_docs_sites={"vitrail": site},
        analytics_enabled=False,
        progress_bars={"globally": False},
    )
    return gx.get_context(project_config=config, mode="ephemeral")


def _run(context: Any, source: Any, check: Check, out: Path) -> SuiteResult:
    name = check.suite.name
    suite = context.suites.add(check.suite)
    batch = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe(name)
    definition = context.validation_definitions.add(gx.ValidationDefinition(name=name, data=batch, suite=suite))
    result_format = {
        "result_format": "COMPLETE",
        "unexpected_index_column_names": ["file", check.row_name or "examples"],
        "return_unexpected_index_query": False,
    }
    frame = check.frame.to_pandas()
    found = definition.run(batch_parameters={"dataframe": frame}, result_format=result_format)
    # Great Expectations orders results as it likes; the suite's order is ours.
    by_id = {result.expectation_config.id: result for result in found.results}
    expectations = tuple(_result(expectation, by_id[expectation.id], check) for expectation in suite.expectations)
    write_json(out / "suites" / f"{name}.json", _portable(suite.to_json_dict()))
    success = all(expectation.success for expectation in expectations)
    return SuiteResult(suite=name, success=success, note=check.note, expectations=expectations)


def _portable(suite: dict[str, Any]) -> dict[str, Any]:
    """The suite without ids that are drawn anew in every run."""
    expectations = [{k: v for k, v in entry.items() if k != "id"} for entry in suite["expectations"]]
    return {k: v for k, v in suite.items() if k != "id"} | {"expectations": expectations}


def _result(expectation: Any, result: Any, check: Check) -> ExpectationResult:
    unexpected = [] if result.success else result.result.get("unexpected_index_list") or []
    return ExpectationResult(
        expectation=expectation.expectation_type,
        column=expectation.meta["column"],
        claim=expectation.description,
        severity=expectation.severity.value,
        success=bool(result.success),
        observed=_observed(result, check.frame[expectation.column].to_pylist(), expectation.column),
        failing=_failing(expectation.column, unexpected, check),
    )


def _observed(result: Any, measured: list[Any], measure: str) -> str:
    if result.exception_info.get("raised_exception"):
        return f"not evaluated: {result.exception_info['exception_message']}"
    if "observed_value" in result.result:
        return _text(result.result["observed_value"])
    if all(value is None for value in measured):
        return "no problem" if measure == "problem" else "nothing to check"
    if len(measured) == 1:
        return _text(measured[0])
    return f"{result.result['unexpected_count']} of {result.result['element_count']} fail"


def _failing(measure: str, unexpected: list[dict[str, Any]], check: Check) -> tuple[FailingRows, ...]:
    rows: dict[str, tuple[list[str], list[str]]] = {}
    for entry in unexpected:
        observed, names = rows.setdefault(str(entry["file"]), ([], []))
        observed.append(_text(entry[measure]))
        if check.row_name:
            names.append(str(entry[check.row_name]))
    return tuple(
        FailingRows(
            file=file,
            observed=", ".join(observed[:3]) + (", ..." if len(observed) > 3 else ""),
            rows=check.examples.get((measure, file), tuple(names[:_MAX_FILES])),
        )
        for file, (observed, names) in sorted(rows.items())[:_MAX_FILES]
    )


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, (int, float)) else str(value)
