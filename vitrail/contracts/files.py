"""Files that appear whole or not at all, and digests of what is in them."""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = [
    "atomic_file",
    "atomic_folder",
    "digest_file",
    "digest_json",
    "read_json",
    "replace_link",
    "write_json",
]

_CHUNK_BYTES = 1 << 20


def _temporary_sibling(path: Path) -> str:
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise ValueError(f"{path} is a device or a pipe and would be replaced; write to a file or folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    return f".{path.name}.partial-"


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`; it takes the place of `path` when the block ends without error."""
    handle, name = tempfile.mkstemp(prefix=_temporary_sibling(path), dir=path.parent)
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        with partial.open("rb") as stream:
            os.fsync(stream.fileno())
        partial.chmod(0o644)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yields a temporary folder beside `path`; it takes the place of `path` when the block ends without error."""
    partial = Path(tempfile.mkdtemp(prefix=_temporary_sibling(path), dir=path.parent))
    try:
        yield partial
        partial.chmod(0o755)
        if path.exists():
            retired = Path(tempfile.mkdtemp(prefix=_temporary_sibling(path), dir=path.parent))
            path.replace(retired / "old")
            partial.replace(path)
            shutil.rmtree(retired)
        else:
            partial.replace(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as indented JSON, atomically. NaN is refused: it is not JSON."""
    with atomic_file(path) as partial:
        partial.write_text(
            json.dumps(value, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8"
        )


def read_json(path: Path) -> Any:
    """Reads one JSON document."""
    return json.loads(path.read_text(encoding="utf-8"))


def digest_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    sha = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            sha.update(chunk)
    return sha.hexdigest()


def digest_json(value: Any) -> str:
    """SHA-256 of a JSON value in canonical form (sorted keys, no spaces), in hexadecimal."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def replace_link(link: Path, target: str) -> None:
    """Points the symbolic link `link` at `target` (relative to the link's folder) in one step."""
    partial = link.with_name(f".{link.name}.partial-{os.getpid()}")
    partial.unlink(missing_ok=True)
    partial.symlink_to(target)
    partial.replace(link)
