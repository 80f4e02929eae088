"""Registers the model as a version with the alias `challenger`."""

from kfp import dsl

from components import container_images


@dsl.component(base_image=container_images.TRAIN, install_kfp_package=False)
def register_model(
    workspace: str,
    run_id: str,
    recipe: str,
    corpus: dsl.Input[dsl.Artifact],
    corpus_digest: str,
    labels: dsl.Input[dsl.Artifact],
    labels_digest: str,
    validation: dsl.Input[dsl.Artifact],
    validation_digest: str,
    backbone: dsl.Input[dsl.Artifact],
    backbone_digest: str,
    model: dsl.Input[dsl.Artifact],
    model_digest: str,
    index: dsl.Input[dsl.Artifact],
    index_digest: str,
    evaluation: dsl.Input[dsl.Artifact],
    evaluation_digest: str,
    verdict: dsl.Input[dsl.Artifact],
    features: dsl.Input[dsl.Artifact],
    features_digest: str,
    version: dsl.Output[dsl.Artifact],
) -> str:
    """Registers the model as a version with the alias `challenger`.

    Returns:
        The artifact's digest.
    """
    from components.adapter import run

    return run(
        "register_model",
        workspace=workspace,
        run_id=run_id,
        recipe=recipe,
        output=version.path,
        inputs={
            "corpus": (corpus.path, corpus_digest),
            "labels": (labels.path, labels_digest),
            "validation": (validation.path, validation_digest),
            "backbone": (backbone.path, backbone_digest),
            "model": (model.path, model_digest),
            "index": (index.path, index_digest),
            "evaluation": (evaluation.path, evaluation_digest),
            "verdict": (verdict.path, ""),
            "features": (features.path, features_digest),
        },
    ).digest
