"""Registered versions without a model behind them, and the proofs that a promotion asks for."""

import secrets
from pathlib import Path

from builders.serving_reports import make_serving_report
from vitrail.contracts.codec import write
from vitrail.contracts.registry import ModelVersion
from vitrail.contracts.verdict import Verdict
from vitrail.registry import RegistryConfig
from vitrail.registry.client import connect, ensure_model
from vitrail.registry.versions import read_version

__all__ = ["register_bare", "write_proofs", "write_serving_report", "write_verdict"]

CORPUS_DIGEST = "c" * 64


def register_bare(config: RegistryConfig) -> ModelVersion:
    """A version that has the tags of one, and no artifacts."""
    tags = {"run_id": "run-1", "model_id": secrets.token_hex(32), "index_digest": "i", "artifacts_digest": "a"}
    with connect(config) as client:
        ensure_model(client, config.name)
        entry = client.create_model_version(config.name, source="s3://nowhere/model", run_id="mlflow-run", tags=tags)
        return read_version(entry, config)


def write_proofs(folder: Path, version: ModelVersion, champion: ModelVersion | None) -> Path:
    """A folder with a blessed verdict of `version` against `champion`, and the proof of its endpoint."""
    write_verdict(folder, version.model_id, champion=champion.reference if champion else None)
    write_serving_report(folder, version.model_id, version.index_digest)
    return folder


def write_verdict(folder: Path, model_id: str, *, status: str = "blessed", champion: str | None = None) -> None:
    """A verdict without checks."""
    verdict = Verdict(
        status=status,
        challenger_id=model_id,
        champion_id=None,
        champion_version=champion,
        corpus_digest=CORPUS_DIGEST,
        checks=(),
        reasons=("because",),
    )
    write(folder, verdict)


def write_serving_report(folder: Path, model_id: str, index_digest: str, *, is_passed: bool = True) -> None:
    """A serving report with one check."""
    report = make_serving_report(is_passed=is_passed, model_id=model_id, index_digest=index_digest)
    write(folder, report)
