"""Moves the alias `champion` to the proven version."""

from vitrail import registry
from vitrail.contracts.codec import encode, load, save
from vitrail.contracts.files import digest_json
from vitrail.registry import ModelVersion
from vitrail.steps.context import Outcome, Step, StepContext

__all__ = ["STEP"]


def promote_model(context: StepContext) -> Outcome:
    """Writes the release, `release.json`."""
    release = registry.promote_model(
        load(ModelVersion, context.inputs["version"] / "version.json"),
        verdict=context.inputs["verdict"] / "verdict.json",
        serving=context.inputs["serving"] / "serving.json",
        lock=context.workspace / "promotion.lock",
        config=context.recipe.registry,
    )
    save(context.out / "release.json", release)
    return Outcome(digest=digest_json(encode(release)), lineage={})


STEP = Step(
    name="promote_model",
    function=promote_model,
    inputs=("version", "verdict", "serving"),
    config=lambda recipe: None,
    is_reusable=False,
)
