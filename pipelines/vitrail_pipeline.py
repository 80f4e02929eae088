"""From a data revision to a promoted, proven model: the graph of the whole system.

Compile it with `vitrail compile` or `kfp dsl compile --py pipelines/vitrail_pipeline.py --output vitrail.yaml`;
run it on this machine with `vitrail run`.
"""

import dataclasses
import json
import sys
from collections.abc import Mapping
from pathlib import Path

# `kfp dsl compile` puts this folder on the path, not the repository.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from kfp import dsl

from components.lightweight import make_component
from pipelines.resources import place
from vitrail.contracts.codec import encode
from vitrail.recipes import ClusterConfig, Recipe, find_recipe
from vitrail.steps import STEPS, Step

__all__ = ["make_pipeline", "vitrail"]


class _Graph:
    """The tasks of a graph, wired by the names of the artifacts that steps take and make."""

    def __init__(self, cluster: ClusterConfig, given: Mapping[str, object]) -> None:
        self.tasks: dict[str, dsl.PipelineTask] = {}
        self._cluster = cluster
        self._given = given
        self._made: dict[str, object] = {}

    def add_all(self, when: str) -> list[dsl.PipelineTask]:
        """Adds the tasks of all steps that run then, in the order of the table."""
        return [self._add(step) for step in STEPS.values() if step.when == when]

    def _add(self, step: Step) -> dsl.PipelineTask:
        is_handed_on = step.resources == "training" and self._cluster.trainjob is not None
        component = make_component(step, is_handed_on=is_handed_on)
        parameters = {name: self._given[name] for name in ("workspace", "run_id", "recipe", *step.arguments)}
        task = component(**parameters, **{name: self._made[name] for name in step.inputs})
        self._made[step.makes] = task.outputs[step.makes]
        self.tasks[step.name] = place(task, step, self._cluster)
        return task


def make_pipeline(chosen: Recipe, run_id: str = dsl.PIPELINE_JOB_ID_PLACEHOLDER) -> dsl.base_component.BaseComponent:
    """The graph for a cluster, with `chosen` as default recipe and its cluster section as resources.

    Tasks share nothing there but the workspace, so a registry in a file lies on it. A local run passes the
    recipe as it is, and keeps the repository's own. The run's id is the UUID that the server gives it, never the
    name that somebody typed; a local run passes its own, because kfp.local draws from 100 million numbers only.
    """
    cluster = chosen.cluster
    on_cluster = dataclasses.replace(chosen, registry=chosen.registry.inside(cluster.workspace_mount))

    @dsl.pipeline(name="vitrail", description="Weak labels, pretraining, multi-task fine-tuning, gate, endpoint.")
    def vitrail(
        corpus: str = "emoji",
        repository: str = ".",
        revision: str = "",
        workspace: str = cluster.workspace_mount,
        recipe: str = json.dumps(encode(on_cluster)),
    ) -> None:
        run = {"workspace": workspace, "run_id": run_id, "recipe": recipe}
        graph = _Graph(cluster, run | {"source": corpus, "repository": repository, "revision": revision})
        [report] = graph.add_all("ended")
        with dsl.ExitHandler(report):
            graph.add_all("always")
            with dsl.If(graph.tasks["gate_model"].outputs["Output"] == "blessed"):
                graph.add_all("blessed")

    return vitrail


vitrail = make_pipeline(find_recipe("emoji"))
