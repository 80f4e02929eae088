"""Joins BentoML to the pipeline: model, transforms, index and online features in one Bento."""

from serving.build import build_bento
from vitrail.contracts.codec import encode, write
from vitrail.contracts.files import digest_json
from vitrail.packaging import prepare_bundle
from vitrail.steps import Outcome, StepContext

__all__ = ["package_endpoint"]


def package_endpoint(context: StepContext) -> Outcome:
    """Writes the bundle with its golden images, and builds a Bento of it in the run's own store."""
    bundle = prepare_bundle(
        corpus=context.inputs["corpus"],
        model=context.inputs["model"],
        index=context.inputs["index"],
        features=context.inputs["features"],
        labels=context.inputs["labels"],
        out=context.out / "bundle",
        config=context.recipe.endpoint,
        lineage=context.lineage,
    )
    bento = build_bento(bundle, context.run_folder / "bentoml")
    write(context.out, bento)
    return Outcome(digest=digest_json(encode(bento)), lineage={"bento": bento.tag})
