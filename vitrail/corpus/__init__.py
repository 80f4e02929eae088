"""Corpora: shards of images as they lie, with their texts, splits and task labels."""

import lazy_loader

# Names are listed in __init__.pyi and imported at first use: a step pays only for what it needs.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
