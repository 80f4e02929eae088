"""Packs model, transforms, index and online features in one Bento."""

from kfp import dsl

from components import container_images


@dsl.component(base_image=container_images.SERVE, install_kfp_package=False)
def package_endpoint(
    workspace: str,
    run_id: str,
    recipe: str,
    corpus: dsl.Input[dsl.Artifact],
    corpus_digest: str,
    model: dsl.Input[dsl.Artifact],
    model_digest: str,
    index: dsl.Input[dsl.Artifact],
    index_digest: str,
    features: dsl.Input[dsl.Artifact],
    features_digest: str,
    version: dsl.Input[dsl.Artifact],
    version_digest: str,
    endpoint: dsl.Output[dsl.Artifact],
) -> str:
    """Packs model, transforms, index and online features in one Bento.

    Returns:
        The artifact's digest.
    """
    from components.adapter import run

    return run(
        "package_endpoint",
        workspace=workspace,
        run_id=run_id,
        recipe=recipe,
        output=endpoint.path,
        inputs={
            "corpus": (corpus.path, corpus_digest),
            "model": (model.path, model_digest),
            "index": (index.path, index_digest),
            "features": (features.path, features_digest),
            "version": (version.path, version_digest),
        },
    ).digest
