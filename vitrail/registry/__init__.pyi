from .config import RegistryConfig
from .curves import log_curves
from .fetch import fetch_version
from .promote import promote_model
from .register import register_model
from .versions import (
    CHALLENGER,
    CHAMPION,
    find_challenger,
    find_champion,
)

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "RegistryConfig",
    "fetch_version",
    "find_challenger",
    "find_champion",
    "log_curves",
    "promote_model",
    "register_model",
]
