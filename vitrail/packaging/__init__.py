"""From a registered version to a proven endpoint: the bundle, the engine that answers, process and proof."""

from vitrail.contracts.bundle import open_bundle
from vitrail.packaging.batching import Batcher
from vitrail.packaging.bundle import assemble_bundle, prepare_bundle
from vitrail.packaging.config import EndpointConfig
from vitrail.packaging.engine import Answer, Engine, Neighbour
from vitrail.packaging.process import running_endpoint
from vitrail.packaging.proof import prove_endpoint

__all__ = [
    "Answer",
    "Batcher",
    "EndpointConfig",
    "Engine",
    "Neighbour",
    "assemble_bundle",
    "open_bundle",
    "prepare_bundle",
    "prove_endpoint",
    "running_endpoint",
]
