from .batching import Batcher
from .bundle import assemble_bundle, prepare_bundle
from .config import EndpointConfig
from .endpoint_process import running_endpoint
from .engine import Answer, Engine, Neighbour
from .proof import prove_endpoint

__all__ = [
    "Answer",
    "Batcher",
    "EndpointConfig",
    "Engine",
    "Neighbour",
    "assemble_bundle",
    "prepare_bundle",
    "prove_endpoint",
    "running_endpoint",
]
