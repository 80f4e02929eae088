"""What a person reads first of a run that ended, by name."""

from vitrail.contracts.runs import RunSummary

__all__ = ["describe_summary"]


def describe_summary(summary: RunSummary) -> dict[str, str]:
    """Where it failed, the verdict, the model's version and the Bento; without what does not apply."""
    model, is_failed = summary.model, summary.status != "succeeded"
    lines = {
        "failed at": f"{summary.failed_step}: {summary.error}" if is_failed else None,
        "verdict": summary.verdict,
        "model": f"{model.name}/{model.version} ({model.alias})" if model else "not registered",
        "Bento": summary.bento or "not packaged",
    }
    return {name: value for name, value in lines.items() if value}
