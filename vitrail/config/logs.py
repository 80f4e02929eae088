"""How processes of a run write their messages, so that they can be told from those of the tools around them."""

import logging
import sys

__all__ = ["LOG_PREFIX", "configure_logging"]

LOG_PREFIX = "[vitrail] "


def configure_logging() -> None:
    """Sends the library's messages to stderr with LOG_PREFIX; other libraries' only from warnings on."""
    logging.basicConfig(level=logging.WARNING, format=f"{LOG_PREFIX}%(message)s", stream=sys.stderr, force=True)
    logging.getLogger("vitrail").setLevel(logging.INFO)
