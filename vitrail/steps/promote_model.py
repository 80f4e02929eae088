"""Moves the alias `champion` to the proven version."""

from vitrail import registry
from vitrail.contracts.codec import encode, read, write
from vitrail.contracts.files import digest_json
from vitrail.contracts.registry import ModelVersion
from vitrail.steps.context import Outcome, StepContext

__all__ = ["promote_model"]


def promote_model(context: StepContext) -> Outcome:
    """Writes the release, `release.json`."""
    release = registry.promote_model(
        read(ModelVersion, context.inputs["version"]),
        verdict=context.inputs["verdict"],
        serving=context.inputs["serving"],
        config=context.recipe.registry,
    )
    write(context.out, release)
    return Outcome(digest=digest_json(encode(release)), lineage={})
