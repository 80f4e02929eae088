from .batching import Batcher
from .bundle import assemble_bundle, prepare_bundle
from .config import EndpointConfig
from .endpoint_process import running_endpoint
from .engine import Answer, Engine
from .gallery import Filters, Gallery, Neighbour, Page, mean_code
from .proof import prove_endpoint

__all__ = [
    "Answer",
    "Batcher",
    "EndpointConfig",
    "Engine",
    "Filters",
    "Gallery",
    "Neighbour",
    "Page",
    "assemble_bundle",
    "mean_code",
    "prepare_bundle",
    "prove_endpoint",
    "running_endpoint",
]
