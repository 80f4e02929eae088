"""Resolves a corpus name, a folder or a DVC revision to a corpus with a content digest."""

from pathlib import Path

from vitrail.corpus import resolve_corpus
from vitrail.errors import CorpusError
from vitrail.steps.context import Outcome, StepContext

__all__ = ["checkout_corpus"]


def checkout_corpus(context: StepContext) -> Outcome:
    """Hands on where the corpus lies and its digest; no image is copied."""
    found = resolve_corpus(
        context.arguments["source"],
        repository=Path(context.arguments["repository"]),
        revision=context.arguments["revision"] or None,
        cache=context.workspace / "corpora",
    )
    if not found.manifest.tasks:
        raise CorpusError(
            f"{found.path} has no task, and fine-tuning needs one: give the images labels (a column or JSON field "
            "`label`, .cls members, or sub-folders; docs/corpora.md) and build the corpus again"
        )
    lineage = {
        "corpus_digest": found.manifest.digest,
        "git_revision": found.git_revision,
        "dvc_digest": found.dvc_digest,
    }
    return Outcome(
        digest=found.manifest.digest,
        artifact=found.path,
        lineage={name: value for name, value in lineage.items() if value},
    )
