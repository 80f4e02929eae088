"""Task kinds and losses: what a task is, one file a kind; what a head is trained with, one file a loss."""

import lazy_loader

# Names are listed in __init__.pyi and imported at first use: a step pays only for what it needs.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
