"""The model registry: versions in MLflow, the aliases `challenger` and `champion`, and what they point at."""

from vitrail.registry.config import RegistryConfig
from vitrail.registry.fetch import fetch_version
from vitrail.registry.promote import promote_model
from vitrail.registry.register import register_model
from vitrail.registry.versions import (
    CHALLENGER,
    CHAMPION,
    ModelVersion,
    Release,
    find_challenger,
    find_champion,
)

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "ModelVersion",
    "RegistryConfig",
    "Release",
    "fetch_version",
    "find_challenger",
    "find_champion",
    "promote_model",
    "register_model",
]
