"""Registers the model as a version with the alias `challenger`."""

import json

from vitrail import registry
from vitrail.contracts.codec import encode, write
from vitrail.contracts.files import digest_json
from vitrail.contracts.models import METRICS_FILE
from vitrail.steps.context import Outcome, StepContext

__all__ = ["register_model"]


def register_model(context: StepContext) -> Outcome:
    """Writes the version's reference, `version.json`."""
    inputs = context.inputs
    version = registry.register_model(
        model=inputs["model"],
        index=inputs["index"],
        evaluation=inputs["evaluation"] / "challenger",
        verdict=inputs["verdict"],
        features=inputs["features"],
        labels=inputs["labels"],
        validation=inputs["validation"],
        training=[inputs[stage] / METRICS_FILE for stage in ("backbone", "model")],
        recipe_json=json.dumps(encode(context.recipe), sort_keys=True),
        lineage=context.lineage,
        config=context.recipe.registry,
        corpus=inputs["corpus"],
        study=context.recipe.study,
    )
    write(context.out, version)
    return Outcome(digest=digest_json(encode(version)), lineage={"model_version": version.reference})
