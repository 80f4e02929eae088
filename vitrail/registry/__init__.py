"""The model registry: versions in MLflow, the aliases `challenger` and `champion`, and what they point at."""

import lazy_loader

# Names are listed in __init__.pyi and imported at first use: a step pays only for what it needs.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
