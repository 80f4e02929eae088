"""Serving reports, as `validate_endpoint` leaves them."""

import dataclasses
from typing import Any

from vitrail.contracts.lineage import Lineage
from vitrail.contracts.serving import ServingCheck, ServingReport

__all__ = ["make_serving_report"]

_REPORT = ServingReport(
    model_id="m" * 64,
    index_digest="i" * 64,
    bundle_digest="b" * 64,
    lineage=Lineage(run_id="test"),
    checks=(),
    num_images=20,
    num_requests=200,
    num_errors={},
    p50_ms=11.5,
    p99_ms=20.25,
    num_clients=8,
    loaded_p50_ms=30.5,
    loaded_p99_ms=60.5,
    images_per_s=123.0,
)


def make_serving_report(*, is_passed: bool = True, **changes: Any) -> ServingReport:
    """A report with one check and some fields of your own."""
    check = ServingCheck(name="embeddings", is_passed=is_passed, value=1e-7, limit=1e-5, detail="largest difference")
    return dataclasses.replace(_REPORT, checks=(check,), **changes)
