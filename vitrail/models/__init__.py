"""Models: a timm trunk with heads, its folder on disk, and inference from it."""

import lazy_loader

# Names are listed in __init__.pyi and imported at first use: a step pays only for what it needs.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
