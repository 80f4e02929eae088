"""A contract: a dataclass that one step hands to the next as a JSON file.

Whatever such a file needs beside its fields is declared once, in the line that opens its class:

    @dataclass(frozen=True, kw_only=True)
    class Verdict(
        Contract,
        noun="a verdict",
        file="verdict.json",
        error=GateError,
        remedy="gate the model again (step gate_model)",
    ):

`vitrail.contracts.codec` reads and writes it, and is the only way to do so: another version, an unknown field or a
wrong type is refused there with the contract's own error.
"""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import ConfigDict

from vitrail.errors import VitrailError

__all__ = ["Contract"]


@dataclass(frozen=True, kw_only=True)
class Contract:
    """Base of every contract.

    Attributes:
        FILE: Its name in the folder of what it describes; what changes from one to the next stands in braces.
        VERSION: Of its form; the file states it as `schema_version`. A change that older code cannot read raises it.
        NOUN: What a folder is that holds it, for messages.
        ERROR: What is raised when it is absent or not what it should be.
        REMEDY: How to come by a good one, as an imperative.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)  # of its parts too

    FILE: ClassVar[str]
    VERSION: ClassVar[int]
    NOUN: ClassVar[str]
    ERROR: ClassVar[type[VitrailError]]
    REMEDY: ClassVar[str]

    def __init_subclass__(
        cls, *, noun: str, file: str, error: type[VitrailError], remedy: str, version: int = 1
    ) -> None:
        """Takes what the class declares beside its fields."""
        super().__init_subclass__()
        cls.NOUN, cls.FILE, cls.ERROR, cls.REMEDY, cls.VERSION = noun, file, error, remedy, version
