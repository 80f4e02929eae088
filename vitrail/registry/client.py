"""The connection to MLflow. The library is imported when it is first used: that takes two seconds."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from vitrail.errors import RegistryError
from vitrail.registry.config import RegistryConfig

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

__all__ = ["connect", "ensure_model", "find_experiment"]

_ALREADY_EXISTS = "RESOURCE_ALREADY_EXISTS"


@contextlib.contextmanager
def connect(config: RegistryConfig) -> Iterator["MlflowClient"]:
    """Yields a client of the registry; what MLflow raises inside the block becomes a RegistryError."""
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient
    from sqlalchemy.exc import SQLAlchemyError

    if config.database:
        Path(config.database).parent.mkdir(parents=True, exist_ok=True)
    try:
        yield MlflowClient(config.tracking_uri, config.tracking_uri)
    except (MlflowException, SQLAlchemyError) as error:
        raise RegistryError(
            f"the registry at {config.tracking_uri} refuses: {error}; "
            "check tracking_uri, and that its database is readable and of this MLflow version"
        ) from error


def find_experiment(client: "MlflowClient", config: RegistryConfig) -> str:
    """The id of the experiment named as the registered model, made when it is not there.

    Beside an sqlite database the artifacts lie in `mlruns/`, wherever the process was started.
    """
    from mlflow.exceptions import MlflowException

    if experiment := client.get_experiment_by_name(config.name):
        return experiment.experiment_id
    folder = Path(config.database).resolve().parent if config.database else None
    location = (folder / "mlruns" / config.name).as_uri() if folder else None
    try:
        return client.create_experiment(config.name, artifact_location=location)
    except MlflowException as error:
        if error.error_code != _ALREADY_EXISTS:
            raise
        return client.get_experiment_by_name(config.name).experiment_id


def ensure_model(client: "MlflowClient", name: str) -> None:
    """Makes a registered model of that name when there is none."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != _ALREADY_EXISTS:
            raise
