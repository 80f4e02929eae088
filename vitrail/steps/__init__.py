"""The pipeline's steps as functions of (inputs, recipe), runnable one by one, and the runner they share."""

import lazy_loader

# Names are listed in __init__.pyi and imported at first use: the body of a step hangs on what it needs and no more.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
