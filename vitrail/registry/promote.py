"""Moving the champion's alias: one writer, and only after proof."""

import datetime
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import filelock

from vitrail.contracts.codec import read
from vitrail.contracts.registry import ModelVersion, Release
from vitrail.contracts.serving import ServingReport
from vitrail.contracts.verdict import Verdict
from vitrail.errors import RegistryError
from vitrail.registry.client import connect
from vitrail.registry.config import RegistryConfig
from vitrail.registry.versions import CHAMPION, read_alias

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

__all__ = ["promote_model"]

logger = logging.getLogger(__name__)

_PREVIOUS = "previous_champion"
_PROMOTED_AT = "promoted_at"


def promote_model(
    version: ModelVersion, *, verdict: Path, serving: Path, lock: Path, config: RegistryConfig
) -> Release:
    """Makes a version the champion; model and index move together, because both are its artifacts.

    MLflow has no compare-and-set, so the champion is read and the alias moved under a file lock. Promoting
    the champion again changes nothing.

    Args:
        version: A registered version.
        verdict: Folder of the verdict on the same model; it must be blessed, against the champion of this moment.
        serving: Folder of the proof of an endpoint made of the same model and index; it must have passed.
        lock: A file on a file system that all writers share.
        config: The registry.

    Raises:
        RegistryError: There is no proof for this version, another version was promoted since the verdict, or
            another writer holds the lock for too long. The alias has not moved.
        GateError, ServingError: A proof is missing or unreadable.
    """
    judged = read(Verdict, verdict)
    _check_proof(version, judged, read(ServingReport, serving))
    lock.parent.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(lock, timeout=config.lock_timeout_s), connect(config) as client:
            return _move_alias(client, version, judged, config)
    except filelock.Timeout as error:
        raise RegistryError(
            f"{lock} has been held by another promotion for {config.lock_timeout_s:g} s; "
            "wait for it to end, or end it, and run the step again"
        ) from error


def _check_proof(version: ModelVersion, verdict: Verdict, serving: ServingReport) -> None:
    if not verdict.is_blessed:
        raise RegistryError(f"{version.reference} is not blessed ({verdict.status}): {'; '.join(verdict.reasons)}")
    if verdict.challenger_id != version.model_id:
        raise RegistryError(f"the verdict is about model {verdict.challenger_id[:12]}, not about {version.reference}")
    if not serving.is_passed:
        failed = "; ".join(f"{check.name}: {check.detail}" for check in serving.checks if not check.is_passed)
        raise RegistryError(f"the endpoint of {version.reference} is not proven: {failed or 'nothing was checked'}")
    if (serving.model_id, serving.index_digest) != (version.model_id, version.index_digest):
        parts = f"model {serving.model_id[:12]} and index {serving.index_digest[:12]}"
        raise RegistryError(
            f"the serving report is about {parts}, not {version.reference}; prove this version's endpoint"
        )


def _move_alias(client: "MlflowClient", version: ModelVersion, verdict: Verdict, config: RegistryConfig) -> Release:
    champion = read_alias(client, config, CHAMPION)
    reference = champion.reference if champion else None
    if reference == version.reference:
        tags = client.get_model_version(config.name, version.version).tags
        return Release(version=version, previous=tags.get(_PREVIOUS) or None, promoted_at=tags.get(_PROMOTED_AT, ""))
    if reference != verdict.champion_version:
        raise RegistryError(
            f"{version.reference} was compared with {verdict.champion_version or 'no champion'}, but the "
            f"champion is now {reference or 'none'}; evaluate and gate it against that one"
        )
    promoted_at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    client.set_model_version_tag(config.name, version.version, _PREVIOUS, reference or "")
    client.set_model_version_tag(config.name, version.version, _PROMOTED_AT, promoted_at)
    client.set_registered_model_alias(config.name, CHAMPION, version.version)
    logger.info("champion is %s, before it %s", version.reference, reference or "there was none")
    return Release(version=version, previous=reference, promoted_at=promoted_at)
