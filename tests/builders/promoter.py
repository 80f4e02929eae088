"""A process that promotes what it is told, a line of JSON a promotion: `python -m builders.promoter URI`."""

import json
import sys
import time
from pathlib import Path

from vitrail.contracts.codec import decode, encode
from vitrail.contracts.registry import ModelVersion
from vitrail.errors import RegistryError
from vitrail.registry import RegistryConfig, promote_model
from vitrail.registry.client import connect

__all__ = ["order", "promote"]


def order(version: ModelVersion, proofs: Path, config: RegistryConfig, starts_at: float) -> str:
    """The line that tells a promoter to promote a version at a time of the clock."""
    job = {"version": encode(version), "proofs": str(proofs), "config": encode(config), "starts_at": starts_at}
    return json.dumps(job) + "\n"


def promote(line: str) -> str:
    """Promotes what a line asks for; returns "won", or why not."""
    job = json.loads(line)
    version = decode(ModelVersion, job["version"], "order")
    config = decode(RegistryConfig, job["config"], "order")
    proofs = Path(job["proofs"])
    time.sleep(max(0.0, job["starts_at"] - time.time()))
    try:
        promote_model(version, verdict=proofs, serving=proofs, config=config)
    except RegistryError as error:
        return str(error).replace("\n", " ")
    return "won"


def main() -> None:
    """Says that it is ready, then answers a line with a line."""
    with connect(RegistryConfig(tracking_uri=sys.argv[1])) as client:
        client.search_registered_models(max_results=1)
    print("ready", flush=True)
    for line in sys.stdin:
        print(promote(line), flush=True)


if __name__ == "__main__":
    main()
