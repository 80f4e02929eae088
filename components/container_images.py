"""The image of each stage family, built from `containers/`."""

from vitrail import __version__

__all__ = ["DATA", "SERVE", "TRAIN", "pulled_from"]

DATA = f"vitrail/python-data:{__version__}"
TRAIN = f"vitrail/python-train:{__version__}"
SERVE = f"vitrail/python-serve:{__version__}"


def pulled_from(prefix: str, image: str) -> str:
    """The name of the image in the registry that a cluster pulls from; as it is without one."""
    return f"{prefix}/{image}" if prefix else image
