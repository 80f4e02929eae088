"""Decides whether the model may take the champion's place."""

from vitrail import gates
from vitrail.contracts.codec import encode, read, write
from vitrail.contracts.files import digest_json
from vitrail.contracts.registry import ComparedChampion
from vitrail.steps.context import Outcome, StepContext

__all__ = ["gate_model"]


def gate_model(context: StepContext) -> Outcome:
    """Writes the verdict to the artifact and beside the run's report."""
    evaluations = context.inputs["evaluation"]
    champion = evaluations / "champion"
    verdict = gates.gate_model(
        challenger=evaluations / "challenger",
        champion=champion if champion.exists() else None,
        champion_version=read(ComparedChampion, evaluations).reference,
        config=context.recipe.gates,
    )
    write(context.out, verdict)
    write(context.run_folder, verdict)
    return Outcome(digest=digest_json(encode(verdict)), lineage={}, value=verdict.status)
