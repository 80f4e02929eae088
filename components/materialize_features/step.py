"""Joins Feast to the pipeline: text-derived features, offline and online."""

from pathlib import Path

from components.materialize_features.store import materialize
from vitrail.contracts.files import digest_file, digest_json
from vitrail.labels import build_text_features
from vitrail.steps import Outcome, Step, StepContext

__all__ = ["STEP"]


def materialize_features(context: StepContext) -> Outcome:
    """Computes the text features and writes the feature snapshot."""
    corpus, text = context.inputs["corpus"], context.work / "text"
    build_text_features(corpus, context.inputs["labels"], text, context.recipe.labels.encoder)
    digest = materialize(text, corpus, context.out)
    return Outcome(digest=digest, lineage={"features_digest": digest})


def _declarations_digest() -> str:
    """The features and how they are stored are not part of the library, so its digest does not cover them."""
    folder = Path(__file__).parent
    sources = [folder / "store.py", *sorted((folder.parent.parent / "features").glob("*.py"))]
    return digest_json([digest_file(path) for path in sources])


STEP = Step(
    name="materialize_features",
    function=materialize_features,
    inputs=("corpus", "labels", "validation"),
    config=lambda recipe: [recipe.labels.encoder, _declarations_digest()],
)
