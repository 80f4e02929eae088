"""From a data revision to a promoted, proven model: the graph of the whole system.

Compile it with `vitrail compile` or `kfp dsl compile --py pipelines/vitrail_pipeline.py --output vitrail.yaml`;
run it on this machine with `vitrail run`.
"""

import sys
from pathlib import Path

# `kfp dsl compile` puts this folder on the path, not the repository.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from kfp import dsl

from pipelines.graph import Graph
from vitrail.recipes import Recipe, find_recipe
from vitrail.steps import STEPS, Step

__all__ = ["make_pipeline", "vitrail"]


def make_pipeline(recipe: Recipe, run_id: str = dsl.PIPELINE_JOB_ID_PLACEHOLDER) -> dsl.base_component.BaseComponent:
    """The graph of a recipe, with its cluster section as resources.

    Each task holds the sections of the recipe that its step takes, and no others. The run's id is the UUID that the
    server gives it, never the name that somebody typed; a local run passes its own, because kfp.local draws from 100
    million numbers only.
    """

    @dsl.pipeline(name="vitrail", description="Weak labels, pretraining, multi-task fine-tuning, gate, endpoint.")
    def vitrail(
        corpus: str = "emoji",
        repository: str = ".",
        revision: str = "",
        workspace: str = recipe.cluster.workspace_mount,
    ) -> None:
        run = {"workspace": workspace, "run_id": run_id}
        graph = Graph(recipe, run | {"source": corpus, "repository": repository, "revision": revision})
        [report] = graph.add_all(_steps("ended"))
        with dsl.ExitHandler(report):
            graph.add_all(_steps("always"))
            with dsl.If(graph.tasks["gate_model"].outputs["Output"] == "blessed"):
                graph.add_all(_steps("blessed"))

    return vitrail


def _steps(when: str) -> list[Step]:
    return [step for step in STEPS.values() if step.when == when]


vitrail = make_pipeline(find_recipe("emoji").on_cluster())
