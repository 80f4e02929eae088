"""Embeds the gallery and writes the index bound to the model."""

from kfp import dsl

from components import container_images


@dsl.component(base_image=container_images.TRAIN, install_kfp_package=False)
def build_index(
    workspace: str,
    run_id: str,
    recipe: str,
    corpus: dsl.Input[dsl.Artifact],
    corpus_digest: str,
    model: dsl.Input[dsl.Artifact],
    model_digest: str,
    index: dsl.Output[dsl.Artifact],
) -> str:
    """Embeds the gallery and writes the index bound to the model.

    Returns:
        The artifact's digest.
    """
    from components.adapter import run

    return run(
        "build_index",
        workspace=workspace,
        run_id=run_id,
        recipe=recipe,
        output=index.path,
        inputs={"corpus": (corpus.path, corpus_digest), "model": (model.path, model_digest)},
    ).digest
