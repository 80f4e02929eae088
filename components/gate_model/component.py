"""Decides whether the model may take the champion's place."""

from kfp import dsl

from components import container_images


@dsl.component(base_image=container_images.TRAIN, install_kfp_package=False)
def gate_model(
    workspace: str,
    run_id: str,
    recipe: str,
    evaluation: dsl.Input[dsl.Artifact],
    evaluation_digest: str,
    verdict: dsl.Output[dsl.Artifact],
) -> str:
    """Decides whether the model may take the champion's place.

    Returns:
        The verdict's status: blessed, rejected or inconclusive. It is the task's only output parameter because
        `kfp.local` resolves no other in a condition, and takes the condition as false without failing.
    """
    from components.adapter import run

    return run(
        "gate_model",
        workspace=workspace,
        run_id=run_id,
        recipe=recipe,
        output=verdict.path,
        inputs={"evaluation": (evaluation.path, evaluation_digest)},
    ).value
