"""Starts the real Bento and replays golden images against it."""

from kfp import dsl

from components import container_images


@dsl.component(base_image=container_images.SERVE, install_kfp_package=False)
def validate_endpoint(
    workspace: str,
    run_id: str,
    recipe: str,
    endpoint: dsl.Input[dsl.Artifact],
    endpoint_digest: str,
    serving: dsl.Output[dsl.Artifact],
) -> str:
    """Starts the real Bento and replays golden images against it.

    Returns:
        The artifact's digest.
    """
    from components.adapter import run

    return run(
        "validate_endpoint",
        workspace=workspace,
        run_id=run_id,
        recipe=recipe,
        output=serving.path,
        inputs={"endpoint": (endpoint.path, endpoint_digest)},
    ).digest
