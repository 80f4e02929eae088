"""Tars come into a corpus as links to where they lie, or as copies on another file system."""

import os
import shutil
from pathlib import Path

__all__ = ["place_tar"]


def place_tar(source: Path, target: Path) -> None:
    """Links `target` to a tar; copies it where there can be no link."""
    try:
        os.link(source.resolve(), target)
    except FileExistsError:  # to copy would write through that link, into a file of the user
        raise
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(source, target)
