"""Pretrains the trunk on the weak labels."""

from kfp import dsl

from components import images


@dsl.component(base_image=images.TRAIN, install_kfp_package=False)
def pretrain_backbone(
    workspace: str,
    run_id: str,
    recipe: str,
    corpus: dsl.Input[dsl.Artifact],
    corpus_digest: str,
    labels: dsl.Input[dsl.Artifact],
    labels_digest: str,
    validation: dsl.Input[dsl.Artifact],
    validation_digest: str,
    backbone: dsl.Output[dsl.Artifact],
) -> str:
    """Pretrains the trunk on the weak labels.

    Returns:
        The artifact's digest.
    """
    from components.adapter import run

    return run(
        "pretrain_backbone",
        workspace=workspace,
        run_id=run_id,
        recipe=recipe,
        output=backbone.path,
        inputs={
            "corpus": (corpus.path, corpus_digest),
            "labels": (labels.path, labels_digest),
            "validation": (validation.path, validation_digest),
        },
    ).digest
