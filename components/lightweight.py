"""The Kubeflow component of a step, written from the table.

A lightweight component ships the source of one function with the signature that Kubeflow Pipelines reads. That
source is written here, and compiled under a name by which `inspect` finds it again.
"""

import linecache
from pathlib import Path

from kfp import dsl

from components.container_images import IMAGES
from vitrail.steps import Step

__all__ = ["make_component", "write_source"]

_FUNCTION = '''def {name}({parameters}) -> str:
    """{summary}

    Returns:
        What the graph branches on; of a step that decides nothing, the digest of its artifact.
    """
    given = locals()
    from components.adapter import run_task

    return run_task("{name}", given)
'''

_SHOWN = {".html": "HTML", ".md": "Markdown"}  # what the page of a run draws

# All that a task which submits a TrainJob has itself is told to it too, or Kubeflow Pipelines compiles none of it.
# Variables and volumes go on to the nodes; what these ask for is in the recipe.
_HANDED_ON = [dsl.TaskConfigPassthrough(field=field, apply_to_task=True) for field in dsl.TaskConfigField]


def make_component(step: Step, *, is_handed_on: bool = False) -> dsl.base_component.BaseComponent:
    """The component of a step; a training can hand what it was given on to a TrainJob."""
    source, file = write_source(step), f"<component {step.name}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    names: dict[str, object] = {"dsl": dsl}
    exec(compile(source, file, "exec"), names)  # noqa: S102
    return dsl.component(
        names[step.name],
        base_image=IMAGES[step.image],
        install_kfp_package=False,
        task_config_passthroughs=_HANDED_ON if is_handed_on else None,
    )


def write_source(step: Step) -> str:
    """The function that the component of a step ships: manifests and parameters in, a manifest out."""
    kinds = dict.fromkeys(("workspace", "run_id", "recipe", *step.arguments), "str")
    kinds |= dict.fromkeys(step.inputs, "dsl.Input[dsl.Artifact]")
    kinds[step.makes] = "dsl.Output[dsl.Artifact]"
    kinds |= {
        output: f"dsl.Output[dsl.{_SHOWN.get(Path(file).suffix, 'Artifact')}]" for output, file in step.shows.items()
    }
    if step.is_training:
        kinds["task_config"] = "dsl.TaskConfig"
    parameters = ", ".join(f"{name}: {kind}" for name, kind in kinds.items())
    return _FUNCTION.format(name=step.name, parameters=parameters, summary=step.summary)
