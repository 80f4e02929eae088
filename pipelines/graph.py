"""Tasks of a graph, wired by the names of the artifacts that steps take and make."""

from collections.abc import Iterable, Mapping

from kfp import dsl

from components.lightweight import make_component
from pipelines.resources import place
from vitrail.recipes import ClusterConfig
from vitrail.steps import Step

__all__ = ["Graph"]


class Graph:
    """The tasks of a graph, by the names of their steps.

    Args:
        cluster: What tasks ask for.
        given: The parameters of all steps.
    """

    def __init__(self, cluster: ClusterConfig, given: Mapping[str, object]) -> None:
        self.tasks: dict[str, dsl.PipelineTask] = {}
        self._cluster = cluster
        self._given = given
        self._made: dict[str, object] = {}

    def add_all(self, steps: Iterable[Step]) -> list[dsl.PipelineTask]:
        """Adds the tasks of these steps, in their order."""
        return [self._add(step) for step in steps]

    def _add(self, step: Step) -> dsl.PipelineTask:
        is_handed_on = step.resources == "training" and self._cluster.trainjob is not None
        component = make_component(step, is_handed_on=is_handed_on)
        parameters = {name: self._given[name] for name in ("workspace", "run_id", "recipe", *step.arguments)}
        task = component(**parameters, **{name: self._made[name] for name in step.inputs})
        self._made[step.makes] = task.outputs[step.makes]
        self.tasks[step.name] = place(task, step, self._cluster)
        return task
