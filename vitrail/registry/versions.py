"""Registered versions and the aliases that point at them."""

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from vitrail.contracts.lineage import Lineage
from vitrail.contracts.registry import ModelVersion
from vitrail.errors import RegistryError
from vitrail.registry.client import connect, quoted
from vitrail.registry.config import RegistryConfig

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "find_challenger",
    "find_champion",
    "find_registered",
    "read_alias",
    "read_version",
]

CHAMPION = "champion"
CHALLENGER = "challenger"
_ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")  # no such model, no such alias


def find_champion(config: RegistryConfig) -> ModelVersion | None:
    """The version with the alias `champion`; None when nothing was promoted yet."""
    with connect(config) as client:
        return read_alias(client, config, CHAMPION)


def find_challenger(config: RegistryConfig) -> ModelVersion | None:
    """The version with the alias `challenger`; None when nothing was registered yet."""
    with connect(config) as client:
        return read_alias(client, config, CHALLENGER)


def read_alias(client: "MlflowClient", config: RegistryConfig, alias: str) -> ModelVersion | None:
    """The version that an alias points at, read the one reliable way; None when it points nowhere."""
    from mlflow.exceptions import MlflowException

    try:
        return read_version(client.get_model_version_by_alias(config.name, alias), config)
    except MlflowException as error:
        if error.error_code in _ABSENT:
            return None
        raise


def find_registered(client: "MlflowClient", config: RegistryConfig, run_id: str, model_id: str) -> ModelVersion | None:
    """The version that this pipeline run registered for this model, if it did."""
    wanted = f"name = '{config.name}' and tags.run_id = {quoted(run_id)} and tags.model_id = {quoted(model_id)}"
    found = client.search_model_versions(wanted)
    return read_version(found[0], config) if found else None


def read_version(entry: Any, config: RegistryConfig) -> ModelVersion:
    """A version as the registry states it.

    Raises:
        RegistryError: It was not written by `register_model`.
    """
    tags: dict[str, str] = entry.tags
    missing = {"run_id", "model_id", "index_digest", "artifacts_digest"} - tags.keys()
    if missing:
        raise RegistryError(
            f"{entry.name}/{entry.version} lacks the tags {', '.join(sorted(missing))}: it was not "
            "registered by vitrail; give the recipe's registry another name, or delete that version"
        )
    known = {field.name for field in fields(Lineage)}
    return ModelVersion(
        name=entry.name,
        version=str(entry.version),
        model_id=tags["model_id"],
        index_digest=tags["index_digest"],
        artifacts_digest=tags["artifacts_digest"],
        mlflow_run_id=entry.run_id,
        tracking_uri=config.tracking_uri,
        lineage=Lineage(
            **{name: value for name, value in tags.items() if name in known and name != "model_version"},
            model_version=f"{entry.name}/{entry.version}",
        ),
    )
