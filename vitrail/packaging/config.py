"""What an endpoint accepts and what is demanded of it."""

from dataclasses import dataclass

from vitrail.config import Config, require

__all__ = ["EndpointConfig"]


@dataclass(frozen=True, kw_only=True)
class EndpointConfig(Config):
    """The endpoint of a recipe.

    Attributes:
        num_golden: Images of the test split whose answers are compared.
        num_neighbours: Neighbours compared for each.
        tolerance: Largest difference of an embedding's value or a probability. Between batch sizes float32
            sums differ by about 1e-6; a wrong transform or weight by far more.
        max_p99_ms: Latency budget of single requests, one after the other.
        num_clients: Concurrent clients of the load check.
        num_rounds: Times the golden images are sent under load.
        startup_timeout_s: From start to ready.
        max_bytes: Largest upload.
        max_pixels: Largest image, refused on its header.
        max_batch_size: Images in one forward pass.
    """

    num_golden: int = 32
    num_neighbours: int = 10
    tolerance: float = 1e-4
    max_p99_ms: float = 1000.0
    num_clients: int = 8
    num_rounds: int = 3
    startup_timeout_s: float = 180.0
    max_bytes: int = 16 * 2**20
    max_pixels: int = 50_000_000
    max_batch_size: int = 32

    def __post_init__(self) -> None:
        for name in ("num_golden", "num_neighbours", "num_clients", "num_rounds"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "give 1 or more")
        for name in ("max_bytes", "max_pixels", "max_batch_size"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "give 1 or more")
        require(0 < self.tolerance <= 0.01, "tolerance", self.tolerance, "give a number in (0, 0.01]")
        for name in ("max_p99_ms", "startup_timeout_s"):
            require(getattr(self, name) > 0, name, getattr(self, name), "give a positive number")
