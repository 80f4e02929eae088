"""Configuration of reading: order, storage, what to do about bad images."""

from dataclasses import dataclass, field

from vitrail.config import Config, require
from vitrail.corpus.pixels.limits import ImageLimits

__all__ = ["OrderConfig", "ReaderConfig"]


@dataclass(frozen=True, kw_only=True)
class OrderConfig(Config):
    """How far images are shuffled. A run keeps these for life: they are part of its order."""

    window: int = 8192  # images permuted together
    shards_per_group: int = 16  # tars read side by side

    def __post_init__(self) -> None:
        require(self.window >= 1, "window", self.window, "permute at least 1 image at a time")
        require(self.shards_per_group >= 1, "shards_per_group", self.shards_per_group, "read at least 1 shard")


@dataclass(frozen=True, kw_only=True)
class ReaderConfig(Config):
    """How images are read, besides their order."""

    order: OrderConfig = field(default_factory=OrderConfig)
    limits: ImageLimits = field(default_factory=ImageLimits)
    max_bad_images: int = 100  # distinct images that may fail to decode in a run, over all its processes
    verify_digests: bool = True  # compare each image's SHA-256 with the index before decoding
    batches_ahead: int = 2  # each worker process prepares in advance

    def __post_init__(self) -> None:
        require(self.max_bad_images >= 0, "max_bad_images", self.max_bad_images, "give 0 or more")
        require(self.batches_ahead >= 1, "batches_ahead", self.batches_ahead, "prepare at least 1 batch")
