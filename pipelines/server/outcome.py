"""How a submitted run ended, by what the API surely says: the states of its tasks.

Outputs of tasks are not in the answers of the API of Kubeflow Pipelines 2.17, so the verdict shows in the branch that
ran: only a blessed model is promoted.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from kfp_server_api import V2beta1Run

from pipelines.server.tasks import states_of_steps
from vitrail.steps import STEPS, STUDY_STEPS

__all__ = ["FINISHED", "ExitStatus", "Outcome", "judge_run", "judge_study"]

FINISHED = ("SUCCEEDED", "FAILED", "CANCELED", "SKIPPED")


class ExitStatus(enum.IntEnum):
    """The exit status of `vitrail submit`. 2 is a command line that cannot be read."""

    PROMOTED = 0  # or a study that came to its end
    NOT_SUBMITTED = 1
    REJECTED = 3
    FAILED = 4
    UNKNOWN = 5


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended.

    Attributes:
        failed: The steps that failed.
        message: What the server says of a failure.
    """

    status: ExitStatus
    failed: tuple[str, ...] = ()
    message: str = ""


def judge_run(run: V2beta1Run) -> Outcome:
    """The outcome of a run that has ended."""
    states = states_of_steps(run, STEPS)
    if run.state != "SUCCEEDED":
        return _failure(run, states)
    if states.get("promote_model") == "SUCCEEDED":
        return Outcome(status=ExitStatus.PROMOTED)
    is_decided = states.get("gate_model") == "SUCCEEDED"
    return Outcome(status=ExitStatus.REJECTED if is_decided else ExitStatus.UNKNOWN)


def judge_study(run: V2beta1Run) -> Outcome:
    """The outcome of a study's run that has ended: it is done or it failed."""
    if run.state != "SUCCEEDED":
        return _failure(run, states_of_steps(run, STUDY_STEPS))
    return Outcome(status=ExitStatus.PROMOTED)


def _failure(run: V2beta1Run, states: Mapping[str, str]) -> Outcome:
    failed = tuple(step for step, state in states.items() if state == "FAILED")
    said = (run.error and run.error.message) or ("it was stopped" if run.state == "CANCELED" else "")
    return Outcome(status=ExitStatus.FAILED, failed=failed, message=" ".join(said.split()))
