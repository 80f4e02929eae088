"""Starts the real Bento and replays golden images against it."""

from vitrail.contracts.codec import encode, read
from vitrail.contracts.files import digest_json
from vitrail.contracts.serving import BuiltBento
from vitrail.packaging import prove_endpoint, running_endpoint
from vitrail.steps.context import Outcome, StepContext

__all__ = ["validate_endpoint"]


def validate_endpoint(context: StepContext) -> Outcome:
    """Writes `serving.json`; the server's log lies beside it."""
    package, config = context.inputs["endpoint"], context.recipe.endpoint
    bento = read(BuiltBento, package).path
    log = context.out / "server.log"
    with running_endpoint(bento, log=log, timeout_s=config.startup_timeout_s) as url:
        report = prove_endpoint(url, package / "bundle", config, context.out)
    return Outcome(digest=digest_json(encode(report)), lineage={})
