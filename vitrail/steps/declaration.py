"""What is declared of a step, and what a table of steps must hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from vitrail.contracts.contract import Contract

__all__ = ["Step", "in_order"]


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step of the pipeline.

    Its body is a function of the step's name that takes a `StepContext` and returns an `Outcome`. Beside it a
    reusable step has `what_decides(recipe, champion)`, all that its artifact depends on besides inputs, arguments
    and code, and a training `training_job(context)`. Steps that read a registry as they go or start servers are not
    reusable.

    Attributes:
        name: Verb and noun; also the name of its component and its task.
        summary: What it does, in a sentence.
        makes: The name of its artifact, under which later steps take it.
        image: The stage family whose container image it runs in.
        inputs: Names of the artifacts that it takes.
        awaits: Names of the artifacts that have to be there before it starts, and that it does not read: they are no
            part of its key.
        sections: Of the recipe, those that it takes. The step that begins a run takes all, and so do those that keep
            or show the whole recipe.
        arguments: Parameters that are not artifacts.
        resources: The section of `cluster` that says what its task asks for.
        is_training: A TrainJob may do its work, with what the task would have been given.
        is_reusable: A later run takes the artifact as it is when nothing it depends on has changed.
        when: Always, only after a blessing, or when the run has ended, whatever became of it.
        shows: Files of the artifact that its task hands out too, by the names of their outputs; one that has the name
            of the artifact takes the place of the manifest.
        announces: The contract in its artifact that its task writes to its log.
        body: The module of its body.
    """

    name: str
    summary: str
    makes: str
    image: Literal["data", "train", "serve"]
    inputs: tuple[str, ...] = ()
    awaits: tuple[str, ...] = ()
    sections: tuple[str, ...] | Literal["all"] = ()
    arguments: tuple[str, ...] = ()
    resources: Literal["data", "train", "inference", "light"] = "light"
    is_training: bool = False
    is_reusable: bool = True
    when: Literal["always", "blessed", "ended"] = "always"
    shows: Mapping[str, str] = field(default_factory=dict)
    announces: type[Contract] | None = None
    body: str = "vitrail.steps.{name}"

    @property
    def module(self) -> str:
        """The full name of the module that holds the body."""
        return self.body.format(name=self.name)


def in_order(*steps: Step) -> dict[str, Step]:
    """A table of steps by name, in the order in which they run.

    Raises:
        ValueError: A step takes what no step before it makes, or two have the same name or artifact.
    """
    made: dict[str, str] = {}
    table: dict[str, Step] = {}
    for step in steps:
        missing = [name for name in (*step.inputs, *step.awaits) if name not in made]
        if missing:
            raise ValueError(f"step {step.name} takes {', '.join(missing)}: put it after the step that makes it")
        if step.name in table or step.makes in made:
            raise ValueError(f"step {step.name} or its artifact {step.makes} is declared twice: rename it")
        made[step.makes], table[step.name] = step.name, step
    return table
