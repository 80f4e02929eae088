"""What is known of a run that has ended, as lines for a terminal and as a comment in Markdown."""

from collections.abc import Iterator
from dataclasses import dataclass

from kfp_server_api import V2beta1Run

from pipelines.server.outcome import ExitStatus, Outcome, judge_run, judge_study
from pipelines.server.pipeline_server import PipelineServer
from pipelines.server.records import read_announced
from pipelines.summary_lines import describe_summary
from pipelines.verdict_table import plain_markdown, write_lines, write_markdown
from vitrail.contracts.runs import RunSummary
from vitrail.contracts.verdict import Verdict

__all__ = ["Ending", "read_ending", "unknown_ending"]

_WORDS = {
    ExitStatus.PROMOTED: "promoted: the model is the champion",
    ExitStatus.REJECTED: "rejected: the champion stays",
    ExitStatus.FAILED: "failed",
    ExitStatus.UNKNOWN: "unknown: the server says neither that the gate decided nor that a step failed",
}


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a run ended, with what its steps announced as far as their logs are there."""

    run_id: str
    outcome: Outcome
    is_study: bool = False
    summary: RunSummary | None = None
    verdict: Verdict | None = None

    @property
    def headline(self) -> str:
        """The outcome in a few words."""
        is_done = self.is_study and self.outcome.status == ExitStatus.PROMOTED
        return "succeeded" if is_done else _WORDS[self.outcome.status]

    def facts(self) -> Iterator[tuple[str, str]]:
        """Name and value of whatever else there is to say, besides the gates."""
        if self.outcome.message:
            yield "server", self.outcome.message
        for step in self.outcome.failed:
            yield "failed", f"{step}; vitrail logs {self.run_id} {step}"
        if self.summary:
            yield from describe_summary(self.summary).items()
        is_decided = self.outcome.status in (ExitStatus.PROMOTED, ExitStatus.REJECTED) and not self.is_study
        if is_decided and not self.verdict:
            yield "details", f"the log of gate_model is gone: see {self.run_id}/verdict.json in the workspace"

    def lines(self) -> Iterator[str]:
        """For a terminal."""
        yield f"outcome   {self.headline}"
        for name, value in self.facts():
            yield f"{name:<10}{value}"
        if self.verdict:
            yield from write_lines(self.verdict)

    def comment(self, name: str, page: str) -> str:
        """For a pull request: outcome, link to the run with its report, and the table of the gates."""
        parts = [
            f"**{plain_markdown(name)}: {self.headline}**",
            f"[Run and report]({page}) `{self.run_id}`",
            "\n".join(f"- {key}: {plain_markdown(value)}" for key, value in self.facts()),
            write_markdown(self.verdict) if self.verdict else "",
        ]
        return "\n\n".join(filter(None, parts)) + "\n"


def read_ending(server: PipelineServer, run: V2beta1Run, *, is_study: bool) -> Ending:
    """What the server knows of a run that has ended."""
    if is_study:
        return Ending(run_id=run.run_id, outcome=judge_study(run), is_study=True)
    return Ending(
        run_id=run.run_id,
        outcome=judge_run(run),
        summary=read_announced(server, run, RunSummary),
        verdict=read_announced(server, run, Verdict),
    )


def unknown_ending(run_id: str, reason: str) -> Ending:
    """The ending of a run that can no longer be asked for."""
    return Ending(run_id=run_id, outcome=Outcome(status=ExitStatus.UNKNOWN, message=f"the run may go on, {reason}"))
