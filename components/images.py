"""The image of each stage family, built from `containers/`."""

from vitrail import __version__

__all__ = ["DATA", "SERVE", "TRAIN"]

DATA = f"vitrail/python-data:{__version__}"
TRAIN = f"vitrail/python-train:{__version__}"
SERVE = f"vitrail/python-serve:{__version__}"
