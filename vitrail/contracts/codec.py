"""Dataclasses to JSON and back, checked by pydantic; a contract is checked for its version too."""

import dataclasses
import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from vitrail.contracts.contract import Contract
from vitrail.contracts.files import write_json
from vitrail.errors import ConfigError, VitrailError

__all__ = ["decode", "encode", "load", "read", "read_optional", "save", "write"]

T = TypeVar("T")
C = TypeVar("C", bound=Contract)

_VERSION_FIELD = "schema_version"


def read(kind: type[C], folder: Path) -> C:
    """Reads the contract that describes `folder`.

    Raises:
        VitrailError: The contract's own error: its file is absent, truncated, of another version, or has a field that
            is missing, unknown or of the wrong type. The message names it and the remedy.
    """
    return load(kind, folder / kind.FILE)


def read_optional(kind: type[C], folder: Path) -> C | None:
    """As `read`, for a contract that a folder may do without: None when its file is absent."""
    return read(kind, folder) if (folder / kind.FILE).exists() else None


def write(folder: Path, value: Contract) -> None:
    """Writes a contract into the folder it describes, atomically."""
    save(folder / value.FILE, value)


def load(kind: type[T], path: Path) -> T:
    """Reads the dataclass instance that `save` wrote to a path of its own.

    Raises:
        VitrailError: As of `read`; ConfigError when `kind` is no contract.
    """
    if path.exists() and not path.is_file():
        raise _refusal(kind, f"{path} is a folder, a pipe or a device, and no file")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _refusal(kind, _absence(kind, path)) from error
    except (ValueError, RecursionError) as error:
        raise _refusal(kind, f"{path} is not JSON: {error}") from error
    return decode(kind, data, str(path))


def save(path: Path, value: Any) -> None:
    """Writes a dataclass instance as JSON, atomically."""
    if not dataclasses.is_dataclass(value):
        raise TypeError(f"{type(value).__name__} is not a dataclass")
    write_json(path, encode(value))


def encode(value: Any) -> Any:
    """The JSON form of a dataclass instance: dictionaries, lists, strings, numbers, booleans and null."""
    data = TypeAdapter(type(value)).dump_python(value, mode="json")
    return data | {_VERSION_FIELD: value.VERSION} if isinstance(value, Contract) else data


def decode(kind: type[T], data: Any, where: str) -> T:
    """Builds a `kind` from its JSON form.

    Args:
        kind: A dataclass.
        data: What `encode` returned for an instance of it.
        where: The file or argument the data came from, for the error message.

    Raises:
        VitrailError: It is of another version, or a field is missing, unknown or of the wrong type; the message names
            it. The contract's own error, or ConfigError when `kind` is no contract.
    """
    fields = _fields_of_version(kind, data, where) if issubclass(kind, Contract) else data
    try:
        # As JSON, because a strict check of Python values refuses the list that a tuple becomes.
        return TypeAdapter(kind).validate_json(json.dumps(fields))
    except ValidationError as error:
        problems = "; ".join(_describe(problem) for problem in error.errors())
        raise _refusal(kind, f"{where} is not a valid {kind.__name__}: {problems}") from error


def _fields_of_version(kind: type[Contract], data: Any, where: str) -> Any:
    """The fields without the version, which is looked at first: another version may have others."""
    if not isinstance(data, dict):
        return data
    found = data.get(_VERSION_FIELD)
    if found is not None and type(found) is not int:
        raise _refusal(kind, f"{where} is not a valid {kind.__name__}: {_VERSION_FIELD}: {found!r:.80} is no number")
    if found != kind.VERSION:
        stated = "no schema version" if found is None else f"schema version {found}"
        update = "update vitrail, or " if found is not None and found > kind.VERSION else ""
        raise kind.ERROR(f"{where} has {stated}, this vitrail reads version {kind.VERSION}; {update}{kind.REMEDY}")
    return {name: value for name, value in data.items() if name != _VERSION_FIELD}


def _absence(kind: type, path: Path) -> str:
    if issubclass(kind, Contract):
        return f"{path.parent} is not {kind.NOUN} (no {path.name})"
    return f"{path} does not exist; it should hold a {kind.__name__}"


def _refusal(kind: type, problem: str) -> VitrailError:
    return kind.ERROR(f"{problem}; {kind.REMEDY}") if issubclass(kind, Contract) else ConfigError(problem)


def _describe(problem: Any) -> str:
    field = ".".join(str(part) for part in problem["loc"]) or "value"
    return f"{field}: {problem['msg']} (got {problem['input']!r:.80})"
