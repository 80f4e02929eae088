"""Studies: what weak labels, corpora and backbones are worth, arm against arm, with paired intervals."""

import lazy_loader

# Names are listed in __init__.pyi and imported at first use: a command pays only for what it needs.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
