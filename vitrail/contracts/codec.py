"""Dataclasses to JSON and back, checked by pydantic."""

import dataclasses
import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from vitrail.contracts.files import write_json
from vitrail.errors import ConfigError, CorpusError

__all__ = ["decode", "encode", "load", "save"]

T = TypeVar("T")


def encode(value: Any) -> Any:
    """The JSON form of a dataclass instance: dictionaries, lists, strings, numbers, booleans and null."""
    return TypeAdapter(type(value)).dump_python(value, mode="json")


def decode(kind: type[T], data: Any, where: str) -> T:
    """Builds a `kind` from its JSON form.

    Args:
        kind: A dataclass.
        data: What `encode` returned for an instance of it.
        where: The file or argument the data came from, for the error message.

    Raises:
        ConfigError: A field is missing, unknown or of the wrong type; the message names it.
    """
    try:
        return TypeAdapter(kind).validate_python(data)
    except ValidationError as error:
        problems = "; ".join(_describe(problem) for problem in error.errors())
        raise ConfigError(f"{where} is not a valid {kind.__name__}: {problems}") from error


def _describe(problem: Any) -> str:
    field = ".".join(str(part) for part in problem["loc"]) or "value"
    return f"{field}: {problem['msg']} (got {problem['input']!r:.80})"


def save(path: Path, value: Any) -> None:
    """Writes a dataclass instance as JSON, atomically."""
    if not dataclasses.is_dataclass(value):
        raise TypeError(f"{type(value).__name__} is not a dataclass")
    write_json(path, encode(value))


def load(kind: type[T], path: Path) -> T:
    """Reads the dataclass instance that `save` wrote.

    Raises:
        CorpusError: The file is absent or is not JSON.
        ConfigError: Its fields do not fit `kind`.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CorpusError(f"{path} does not exist; it should hold a {kind.__name__}") from error
    except ValueError as error:
        raise CorpusError(f"{path} is not JSON: {error}; write it again with the step that makes it") from error
    return decode(kind, data, str(path))
