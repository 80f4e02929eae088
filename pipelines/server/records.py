"""What the steps of a run wrote into their logs for whoever cannot see its workspace."""

from typing import TypeVar

from kfp_server_api import V2beta1Run

from components.announcements import find_announcement
from pipelines.server.failures import ServerError
from pipelines.server.pipeline_server import PipelineServer
from pipelines.server.tasks import pods_of_step
from vitrail.contracts.contract import Contract
from vitrail.steps import STEPS

__all__ = ["read_announced"]

C = TypeVar("C", bound=Contract)


def read_announced(server: PipelineServer, run: V2beta1Run, kind: type[C]) -> C | None:
    """The contract that a step of the run announced; None when it never did, or when its log is gone or not served."""
    step = next(step.name for step in STEPS.values() if step.announces is kind)
    for pod in reversed(pods_of_step(run, step)):
        try:
            log = "".join(server.read_log(run.run_id, pod))
        except ServerError:
            continue
        if found := find_announcement(kind, log):
            return found
    return None
