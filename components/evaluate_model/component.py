"""Measures the model, and the champion if there is one, on the test split."""

from kfp import dsl

from components import container_images


@dsl.component(base_image=container_images.TRAIN, install_kfp_package=False)
def evaluate_model(
    workspace: str,
    run_id: str,
    recipe: str,
    corpus: dsl.Input[dsl.Artifact],
    corpus_digest: str,
    model: dsl.Input[dsl.Artifact],
    model_digest: str,
    features: dsl.Input[dsl.Artifact],
    features_digest: str,
    evaluation: dsl.Output[dsl.Artifact],
) -> str:
    """Measures the model, and the champion if there is one, on the test split.

    Returns:
        The artifact's digest.
    """
    from components.adapter import run

    return run(
        "evaluate_model",
        workspace=workspace,
        run_id=run_id,
        recipe=recipe,
        output=evaluation.path,
        inputs={
            "corpus": (corpus.path, corpus_digest),
            "model": (model.path, model_digest),
            "features": (features.path, features_digest),
        },
    ).digest
