"""Follows a registry in an sqlite file that was moved or copied together with its artifacts.

MLflow writes absolute addresses of artifacts into its database and has no call that changes them, so a moved clone
would read the old place, and write to it. Beside an sqlite file they lie in `mlruns/<experiment>` (`find_experiment`).
"""

import contextlib
import sqlite3
from pathlib import Path
from urllib.parse import quote

__all__ = ["ARTIFACTS_FOLDER", "follow_move"]

ARTIFACTS_FOLDER = "mlruns"
_TIMEOUT_S = 20
_ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def follow_move(database: Path) -> None:
    """Makes the addresses in the database those of the artifacts beside it; does nothing when they are.

    Raises:
        sqlite3.Error: The file is no database, or has to be changed and cannot be written.
    """
    if not database.is_file():
        return
    with contextlib.closing(sqlite3.connect(database, timeout=_TIMEOUT_S)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'experiments'").fetchone():
            return
        for old, new in _moved(connection, database.resolve().parent / ARTIFACTS_FOLDER):
            with connection:
                for table, column in _ADDRESSES:
                    # Names of tables cannot be parameters; these are constants.
                    connection.execute(
                        f"UPDATE {table} SET {column} = ? || substr({column}, ?) "  # noqa: S608
                        f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                        (new, len(old) + 1, old, len(old) + 1, f"{old}/"),
                    )


def _moved(connection: sqlite3.Connection, folder: Path) -> list[tuple[str, str]]:
    """Old and present address of each experiment whose artifacts lie in `folder`, but not by its address."""
    found = []
    for name, address in connection.execute("SELECT name, artifact_location FROM experiments"):
        present = folder / name
        is_ours = address.endswith(f"/{ARTIFACTS_FOLDER}/{quote(name)}")
        if is_ours and address != present.as_uri() and present.is_dir():
            found.append((address, present.as_uri()))
    return found
