"""Decides whether the model may take the champion's place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vitrail import gates
from vitrail.contracts.codec import encode, read, write
from vitrail.contracts.files import digest_json
from vitrail.contracts.registry import ComparedChampion
from vitrail.steps.context import Outcome, StepContext

if TYPE_CHECKING:
    from vitrail.recipes import Recipe
    from vitrail.steps.champion import Champion

__all__ = ["gate_model", "what_decides"]


def gate_model(context: StepContext) -> Outcome:
    """Writes the verdict."""
    evaluations = context.inputs["evaluation"]
    champion = evaluations / "champion"
    verdict = gates.gate_model(
        challenger=evaluations / "challenger",
        champion=champion if champion.exists() else None,
        champion_version=read(ComparedChampion, evaluations).reference,
        config=context.recipe.gates,
    )
    write(context.out, verdict)
    return Outcome(digest=digest_json(encode(verdict)), lineage={}, value=verdict.status)


def what_decides(recipe: Recipe, champion: Champion) -> Any:
    """The recipe's section: whom the model was measured against is said by the evaluation."""
    return encode(recipe.gates)
