"""Moves the alias `champion`."""

from kfp import dsl

from components import container_images


@dsl.component(base_image=container_images.TRAIN, install_kfp_package=False)
def promote_model(
    workspace: str,
    run_id: str,
    recipe: str,
    version: dsl.Input[dsl.Artifact],
    version_digest: str,
    verdict: dsl.Input[dsl.Artifact],
    serving: dsl.Input[dsl.Artifact],
    serving_digest: str,
    release: dsl.Output[dsl.Artifact],
) -> str:
    """Moves the alias `champion`.

    Returns:
        The artifact's digest.
    """
    from components.adapter import run

    return run(
        "promote_model",
        workspace=workspace,
        run_id=run_id,
        recipe=recipe,
        output=release.path,
        inputs={
            "version": (version.path, version_digest),
            "verdict": (verdict.path, ""),
            "serving": (serving.path, serving_digest),
        },
    ).digest
