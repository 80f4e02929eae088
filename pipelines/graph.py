"""Tasks of a graph, wired by the names of the artifacts that steps take and make."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace

from kfp import dsl

from components.lightweight import make_component
from pipelines.resources import place
from vitrail.recipes import Recipe
from vitrail.recipes.cluster import Retries
from vitrail.recipes.sections import encode_sections
from vitrail.steps import Step

__all__ = ["Graph"]


class Graph:
    """The tasks of a graph, by the names of their steps.

    Args:
        recipe: Of which each task is given the sections that its step takes.
        given: The parameters of all steps.
    """

    def __init__(self, recipe: Recipe, given: Mapping[str, object]) -> None:
        self.tasks: dict[str, dsl.PipelineTask] = {}
        self._recipe = recipe
        self._given = given
        self._made: dict[str, dsl.PipelineTask] = {}

    def add_all(self, steps: Iterable[Step]) -> list[dsl.PipelineTask]:
        """Adds the tasks of these steps, in their order."""
        return [self._add(step) for step in steps]

    def _add(self, step: Step) -> dsl.PipelineTask:
        cluster = self._recipe.cluster
        trainjob = cluster.trainjob if step.is_training else None
        component = make_component(step, is_handed_on=trainjob is not None)
        parameters = {name: self._given[name] for name in ("workspace", "run_id", *step.arguments)}
        task = component(
            **parameters,
            recipe=json.dumps(encode_sections(self._recipe, step.sections)),
            **{name: self._made[name].outputs[name] for name in step.inputs},
        )
        task.after(*(self._made[name] for name in step.awaits))
        self._made[step.makes] = self.tasks[step.name] = task
        asked = cluster.of_watcher(trainjob) if trainjob else getattr(cluster, step.resources)
        if self._given["run_id"] != dsl.PIPELINE_JOB_ID_PLACEHOLDER:
            asked = replace(asked, retries=Retries(num=0))  # kfp.local would try again what somebody ended, or forbade
        return place(task, asked, cluster)
