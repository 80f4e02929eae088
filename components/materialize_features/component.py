"""Publishes text-derived features offline and online."""

from kfp import dsl

from components import container_images


@dsl.component(base_image=container_images.DATA, install_kfp_package=False)
def materialize_features(
    workspace: str,
    run_id: str,
    recipe: str,
    corpus: dsl.Input[dsl.Artifact],
    corpus_digest: str,
    labels: dsl.Input[dsl.Artifact],
    labels_digest: str,
    validation: dsl.Input[dsl.Artifact],
    validation_digest: str,
    features: dsl.Output[dsl.Artifact],
) -> str:
    """Publishes text-derived features offline and online.

    Returns:
        The artifact's digest.
    """
    from components.adapter import run

    return run(
        "materialize_features",
        workspace=workspace,
        run_id=run_id,
        recipe=recipe,
        output=features.path,
        inputs={
            "corpus": (corpus.path, corpus_digest),
            "labels": (labels.path, labels_digest),
            "validation": (validation.path, validation_digest),
        },
    ).digest
