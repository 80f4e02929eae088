from .config import OrderConfig, ReaderConfig
from .image_reader import Batch, Reader, Source, read_images
from .targets import ListTargets, SidecarTargets, TableTargets

__all__ = [
    "Batch",
    "ListTargets",
    "OrderConfig",
    "Reader",
    "ReaderConfig",
    "SidecarTargets",
    "Source",
    "TableTargets",
    "read_images",
]
