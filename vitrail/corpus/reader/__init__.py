"""The image reader: an endless, exactly resumable stream of batches."""

import lazy_loader

# Names are listed in __init__.pyi and imported at first use: a step pays only for what it needs.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
