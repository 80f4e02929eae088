"""What a job comes down to: something to minimise and something to read."""

from dataclasses import dataclass

from vitrail.corpus.reader.image_reader import Source
from vitrail.training.objective import Objective
from vitrail.training.probe.sample import ProbeSample

__all__ = ["Assignment"]


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """An objective on the CPU and the sources it is trained on.

    Attributes:
        frozen_steps: First steps that leave the trunk as it is.
        sample: Images of the first source on which the features are looked at.
    """

    objective: Objective
    sources: tuple[Source, ...]
    frozen_steps: int = 0
    sample: ProbeSample | None = None
