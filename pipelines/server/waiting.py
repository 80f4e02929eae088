"""Waiting for the end of a run, with a line for whatever changes."""

import time
from collections.abc import Callable, Sequence

from kfp_server_api import V2beta1Run

from pipelines.server.failures import ServerError
from pipelines.server.outcome import FINISHED
from pipelines.server.pipeline_server import PipelineServer
from pipelines.server.tasks import states_of_steps

__all__ = ["PATIENCE_S", "POLL_S", "wait_for_end"]

POLL_S = 5.0
PATIENCE_S = 600.0  # a restart of the server, or of a gateway before it


def wait_for_end(server: PipelineServer, run_id: str, steps: Sequence[str], say: Callable[[str], None]) -> V2beta1Run:
    """Asks for a run every POLL_S seconds until it has ended.

    Args:
        server: Where it runs.
        run_id: The run.
        steps: Whose states are told.
        say: Takes a line whenever one has changed, and when the server goes away.

    Raises:
        ServerError: It refuses, or it was away for longer than PATIENCE_S.
    """
    told: dict[str, str] = {}
    answered, is_away = time.monotonic(), False
    while True:
        try:
            run = server.find_run(run_id)
        except ServerError as error:
            if not error.may_pass or time.monotonic() - answered > PATIENCE_S:
                raise
            if not is_away:
                say(f"no answer for now, the run goes on: {error}")
            is_away = True
        else:
            answered, is_away = time.monotonic(), False
            states = states_of_steps(run, steps)
            for step, state in states.items():
                if told.get(step) != state:
                    say(f"{step:<22}{state.lower()}")
            told = states
            if run.state in FINISHED:
                return run
        time.sleep(POLL_S)
