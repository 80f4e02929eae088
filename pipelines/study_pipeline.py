"""From a budget to a page with intervals: the graph of a study.

Compile it with `vitrail compile --study half-hour` or
`kfp dsl compile --py pipelines/study_pipeline.py --output study.yaml`; run it on this machine with
`vitrail run --study half-hour`.
"""

import sys
from pathlib import Path

# `kfp dsl compile` puts this folder on the path, not the repository.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from kfp import dsl

from pipelines.graph import Graph
from vitrail.recipes import Recipe, find_recipe
from vitrail.steps import STUDY_STEPS

__all__ = ["make_study_pipeline", "vitrail_study"]


def make_study_pipeline(
    recipe: Recipe, study: str, run_id: str = dsl.PIPELINE_JOB_ID_PLACEHOLDER
) -> dsl.base_component.BaseComponent:
    """The graph for a cluster, with `study` as default budget.

    Its tasks share the workspace with those of runs: corpora that a run has built are taken from there, and a study
    that was stopped goes on in the next run of the same budget.
    """

    @dsl.pipeline(name="vitrail-study", description="Label recipes, corpora and backbones, arm against arm.")
    def vitrail_study(
        budget: str = study,
        workspace: str = recipe.cluster.workspace_mount,
    ) -> None:
        run = {"workspace": workspace, "run_id": run_id}
        Graph(recipe, run | {"budget": budget}).add_all(STUDY_STEPS.values())

    return vitrail_study


vitrail_study = make_study_pipeline(find_recipe("emoji").on_cluster(), "half-hour")
