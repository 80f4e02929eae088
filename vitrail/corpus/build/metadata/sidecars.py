"""Texts, labels and records that lie beside an image under its name: `.txt`, `.caption`, `.cls` and `.json`."""

from collections.abc import Callable, Mapping
from typing import Any

from vitrail.corpus.build.metadata.refusals import Refusals
from vitrail.corpus.build.metadata.table_rows import parse_object

__all__ = ["SIDECAR_EXTENSIONS", "read_sidecars"]

SIDECAR_EXTENSIONS = ("txt", "caption", "cls", "json")


def read_sidecars(
    readers: Mapping[str, Callable[[], bytes]], file: str, key: str, refusals: Refusals
) -> dict[str, Any]:  # fmt: skip
    """The record of an image, from what lies beside it by extension.

    What cannot be read, and what two of them say differently, goes to `refusals`.
    """
    record: dict[str, Any] = {}
    for extension in sorted(readers):
        where = f"{file}: {key}.{extension}"
        try:
            found = _parse(readers[extension](), extension)
        except ValueError as error:
            refusals.add_value(file, key, f"{where}: {error}")
            continue
        for name in [name for name in found if name in record and record[name] != found[name]]:
            said = f"{found[name]!r:.80}, and {record[name]!r:.80} in a member before it"
            refusals.add_value(file, key, f"{where}: {name!r} is {said}; keep one")
        record.update({name: value for name, value in found.items() if name not in record})
    return record


def _parse(data: bytes, extension: str) -> dict[str, Any]:
    text = data.decode("utf-8-sig")
    return parse_object(text) if extension == "json" else {extension: text.strip()}
