"""The connection to MLflow. The library is imported when it is first used: that takes two seconds."""

import contextlib
import functools
import logging
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import filelock

from vitrail.errors import RegistryError
from vitrail.registry.config import RegistryConfig
from vitrail.registry.moved import ARTIFACTS_FOLDER, follow_move

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

__all__ = ["connect", "ensure_model", "find_experiment", "quoted"]

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
        if config.database:
            follow_move(Path(config.database))
            _open_database(Path(config.database).resolve(), config.tracking_uri)
        yield MlflowClient(config.tracking_uri, config.tracking_uri)
    except (MlflowException, SQLAlchemyError, sqlite3.Error) as error:
        raise RegistryError(
            f"the registry at {config.tracking_uri} refuses: {error}; "
            "check tracking_uri, and that its database is readable and of this MLflow version"
        ) from error


@functools.cache
def _open_database(database: Path, uri: str) -> None:
    """Opens an sqlite registry for the first time in this process, which makes its tables where they are missing.

    One process at a time: MLflow's own lock does not keep two from making the tables of one new file, and both fail.
    """
    from mlflow.tracking import MlflowClient

    if not os.access(database.parent, os.W_OK):  # then nobody makes a database there
        return
    with filelock.FileLock(database.with_name(f"{database.name}.lock")):
        MlflowClient(uri, uri).search_registered_models(max_results=1)


def quoted(value: str) -> str:
    """A value as MLflow's filters take it, which cannot escape a quote.

    Raises:
        RegistryError: It has one.
    """
    if set(value) & set("'\"\\"):
        raise RegistryError(f"{value!r:.120} has a quote or a backslash, which the registry cannot look for")
    return f"'{value}'"


def find_experiment(client: "MlflowClient", config: RegistryConfig) -> str:
    """The id of the experiment named as the registered model, made when it is not there.

    Beside an sqlite database the artifacts lie in `mlruns/`, wherever the process was started.
    """
    from mlflow.exceptions import MlflowException

    if experiment := client.get_experiment_by_name(config.name):
        return experiment.experiment_id
    folder = Path(config.database).resolve().parent if config.database else None
    location = (folder / ARTIFACTS_FOLDER / config.name).as_uri() if folder else None
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
