"""Decides whether the model may take the champion's place."""

from typing import NamedTuple

from kfp import dsl

from components import images


@dsl.component(base_image=images.TRAIN, install_kfp_package=False)
def gate_model(
    workspace: str,
    run_id: str,
    recipe: str,
    evaluation: dsl.Input[dsl.Artifact],
    evaluation_digest: str,
    verdict: dsl.Output[dsl.Artifact],
) -> NamedTuple("Outputs", [("digest", str), ("status", str)]):
    """Decides whether the model may take the champion's place.

    Returns:
        The artifact's digest, and the verdict's status: blessed, rejected or inconclusive.
    """
    from collections import namedtuple

    from components.adapter import run

    result = run(
        "gate_model",
        workspace=workspace,
        run_id=run_id,
        recipe=recipe,
        output=verdict.path,
        inputs={"evaluation": (evaluation.path, evaluation_digest)},
    )
    return namedtuple("Outputs", ["digest", "status"])(result.digest, result.value)
