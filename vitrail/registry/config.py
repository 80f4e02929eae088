"""Where the registry is."""

import dataclasses
import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from vitrail.config import Config, require

__all__ = ["RegistryConfig"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_PROMOTIONS = "-promotions"
_SQLITE = "sqlite:///"
_SCHEMES = (_SQLITE, "http://", "https://", "postgresql", "mysql")


@dataclass(frozen=True, kw_only=True)
class RegistryConfig(Config):
    """The model registry of a recipe.

    Attributes:
        tracking_uri: An MLflow server, or a database. The default is what `mlflow ui` opens in the working
            directory. Credentials belong in MLflow's environment variables, not here.
        name: Of the registered model and of the experiment.
        lock_timeout_s: How long a promotion tries again while others write to the registry's database.
    """

    tracking_uri: str = "sqlite:///mlflow.db"
    name: str = "vitrail"
    lock_timeout_s: float = 60.0

    def __post_init__(self) -> None:
        require(
            self.tracking_uri.startswith(_SCHEMES),
            "tracking_uri",
            self.tracking_uri,
            f"give an MLflow server or a database URI, starting with one of {', '.join(_SCHEMES)}",
        )
        require(
            "@" not in self.tracking_uri,
            "tracking_uri",
            "(hidden)",
            "keep credentials out of recipes; set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
        )
        require(
            bool(_NAME.fullmatch(self.name)),
            "name",
            self.name,
            "use letters, digits, hyphens and underscores",
        )
        require(
            not self.name.endswith(_PROMOTIONS),
            "name",
            self.name,
            f"leave out {_PROMOTIONS}: the log of a model's promotions has that name",
        )
        require(self.lock_timeout_s > 0, "lock_timeout_s", self.lock_timeout_s, "give a positive number")

    @property
    def promotions(self) -> str:
        """Name of the registered model that is the log of promotions."""
        return self.name + _PROMOTIONS

    @property
    def database(self) -> PurePosixPath | None:
        """The sqlite file of the registry; None when it is a server or another database."""
        is_file = self.tracking_uri.startswith(_SQLITE)
        return PurePosixPath(self.tracking_uri.removeprefix(_SQLITE)) if is_file else None

    def inside(self, folder: str) -> "RegistryConfig":
        """The same registry, with a relative sqlite file taken from `folder` instead of the working directory."""
        if self.database is None:
            return self
        return dataclasses.replace(self, tracking_uri=f"{_SQLITE}{PurePosixPath(folder) / self.database}")
