"""Configuration: frozen dataclasses beside what they configure, checked when they are made."""

import dataclasses
from typing import Any, ClassVar

from pydantic import ConfigDict

from vitrail.contracts.codec import encode
from vitrail.contracts.files import digest_json
from vitrail.errors import ConfigError

__all__ = ["Config", "require"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Base of every configuration: unknown fields are refused, and the digest identifies the values."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    @property
    def digest(self) -> str:
        """SHA-256 of the JSON form."""
        return digest_json(encode(self))


def require(is_valid: bool, field: str, value: Any, remedy: str) -> None:
    """Raises ConfigError naming field, value and remedy unless `is_valid`."""
    if not is_valid:
        raise ConfigError(f"{field}={value!r}: {remedy}")
