"""Decides whether the model may take the champion's place."""

from vitrail import gates
from vitrail.contracts.codec import encode, save
from vitrail.contracts.files import digest_json, read_json
from vitrail.steps.context import Outcome, Step, StepContext
from vitrail.steps.evaluate_model import CHAMPION_VERSION

__all__ = ["STEP"]


def gate_model(context: StepContext) -> Outcome:
    """Writes the verdict to the artifact and beside the run's report."""
    evaluations = context.inputs["evaluation"]
    champion = evaluations / "champion"
    verdict = gates.gate_model(
        challenger=evaluations / "challenger",
        champion=champion if champion.exists() else None,
        champion_version=read_json(evaluations / CHAMPION_VERSION)["version"],
        config=context.recipe.gates,
    )
    save(context.out / "verdict.json", verdict)
    save(context.run_folder / "verdict.json", verdict)
    return Outcome(digest=digest_json(encode(verdict)), lineage={}, value=verdict.status)


STEP = Step(
    name="gate_model",
    function=gate_model,
    inputs=("evaluation",),
    config=lambda recipe: None,
    is_reusable=False,
)
