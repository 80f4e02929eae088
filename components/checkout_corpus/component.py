"""Resolves a corpus name, a folder or a DVC revision to a corpus with a content digest."""

from kfp import dsl

from components import container_images


@dsl.component(base_image=container_images.DATA, install_kfp_package=False)
def checkout_corpus(
    workspace: str,
    run_id: str,
    recipe: str,
    source: str,
    repository: str,
    revision: str,
    corpus: dsl.Output[dsl.Artifact],
) -> str:
    """Resolves a corpus name, a folder or a DVC revision to a corpus with a content digest.

    Returns:
        The artifact's digest.
    """
    from components.adapter import run

    return run(
        "checkout_corpus",
        workspace=workspace,
        run_id=run_id,
        recipe=recipe,
        output=corpus.path,
        arguments={"source": source, "repository": repository, "revision": revision},
    ).digest
