"""Checks signals, labels, joins and images; a failed critical expectation stops the run."""

from kfp import dsl

from components import container_images


@dsl.component(base_image=container_images.DATA, install_kfp_package=False)
def validate_data(
    workspace: str,
    run_id: str,
    recipe: str,
    corpus: dsl.Input[dsl.Artifact],
    corpus_digest: str,
    labels: dsl.Input[dsl.Artifact],
    labels_digest: str,
    validation: dsl.Output[dsl.Artifact],
) -> str:
    """Checks signals, labels, joins and images; a failed critical expectation stops the run.

    Returns:
        The artifact's digest.
    """
    from components.adapter import run

    return run(
        "validate_data",
        workspace=workspace,
        run_id=run_id,
        recipe=recipe,
        output=validation.path,
        inputs={"corpus": (corpus.path, corpus_digest), "labels": (labels.path, labels_digest)},
    ).digest
