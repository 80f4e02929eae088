"""Where in a training an error occurred."""

import contextlib
from collections.abc import Iterator

from vitrail.errors import TrainingError, VitrailError

__all__ = ["located"]


@contextlib.contextmanager
def located(place: str) -> Iterator[None]:
    """Puts the place, such as a step, in front of what an error says.

    The class decides what a launcher raises and stays, but that of the operating system's errors (a disk is full, a
    folder gone), which become `TrainingError`.
    """
    try:
        yield
    except VitrailError as error:
        raise type(error)(f"{place}: {error}") from error
    except OSError as error:
        raise TrainingError(f"{place}: {error}; mend that and start again to continue") from error
