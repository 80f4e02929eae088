"""What must stay and what may change when a training goes on from a checkpoint, or is taken as it was made."""

from typing import Any

from vitrail.contracts.codec import encode
from vitrail.contracts.files import digest_json
from vitrail.training.config import FinetuneConfig, PretrainConfig
from vitrail.training.job import Job, PretrainJob

__all__ = ["artifact_fields", "decisive_fields", "identify"]

# How and where to compute and read, not what: a training may go on with others.
_EXECUTION_FIELDS = frozenset(
    {
        "compute",
        "checkpoint",
        "launch",
        "log_every_steps",
        "probe",
        "profile_steps",
        "schedule.accumulation",
        "reader.max_bad_images",
        "reader.verify_digests",
        "reader.batches_ahead",
    }
)


def identify(job: Job) -> str:
    """Digest of all that decides the result; a checkpoint continues only under the same."""
    fields: dict[str, Any] = {"kind": job.kind, "inputs": job.inputs, "config": decisive_fields(job.config)}
    if isinstance(job, PretrainJob) and job.blend:
        fields["weights"] = [blended.weight for blended in job.blend]
    return digest_json(fields)


def decisive_fields(config: PretrainConfig | FinetuneConfig) -> dict[str, Any]:
    """The JSON form of what decides the result; without how and where to compute."""
    return _without_execution("", encode(config))


def artifact_fields(config: PretrainConfig | FinetuneConfig) -> dict[str, Any]:
    """The JSON form of what decides the artifact: the result, and the profile beside it when one is asked for."""
    return {**decisive_fields(config), "profile_steps": config.profile_steps}


def _without_execution(prefix: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _without_execution(f"{prefix}{name}.", value) if isinstance(value, dict) else value
        for name, value in fields.items()
        if f"{prefix}{name}" not in _EXECUTION_FIELDS
    }
