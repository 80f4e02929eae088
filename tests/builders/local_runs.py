"""Whole pipelines on this machine, as a user starts them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from builders import REPOSITORY

__all__ = ["read_latest", "start_pipeline"]


def start_pipeline(folder: Path, corpus: Path) -> subprocess.Popen[str]:
    """`vitrail run` with the debug recipe in `folder`."""
    return subprocess.Popen(
        [sys.executable, "-m", "vitrail.cli", "run", "--corpus", str(corpus), "--recipe", "debug"],
        cwd=folder,
        env=os.environ | {"VITRAIL_HOME": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def read_latest(folder: Path, name: str) -> Any:
    """A JSON file of the workspace's last run."""
    return json.loads((folder / "runs" / "latest" / name).read_text())
