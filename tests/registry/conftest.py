"""One database for all tests of the registry: to make one takes longer than most of them."""

import dataclasses
import re

import pytest

from vitrail.registry import RegistryConfig


@pytest.fixture(scope="session")
def database(tmp_path_factory) -> RegistryConfig:
    """A registry in an sqlite file."""
    return RegistryConfig(tracking_uri=f"sqlite:///{tmp_path_factory.mktemp('registry')}/mlflow.db")


@pytest.fixture
def named(database, request) -> RegistryConfig:
    """A registered model of the test's own."""
    return dataclasses.replace(database, name=re.sub(r"\W+", "-", request.node.name).strip("-"))
