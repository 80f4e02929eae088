"""Derives weak labels for the corpus's images from the text around them."""

from kfp import dsl

from components import container_images


@dsl.component(base_image=container_images.DATA, install_kfp_package=False)
def derive_labels(
    workspace: str,
    run_id: str,
    recipe: str,
    corpus: dsl.Input[dsl.Artifact],
    corpus_digest: str,
    labels: dsl.Output[dsl.Artifact],
) -> str:
    """Derives weak labels for the corpus's images from the text around them.

    Returns:
        The artifact's digest.
    """
    from components.adapter import run

    return run(
        "derive_labels",
        workspace=workspace,
        run_id=run_id,
        recipe=recipe,
        output=labels.path,
        inputs={"corpus": (corpus.path, corpus_digest)},
    ).digest
