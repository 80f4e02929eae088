"""Where an artifact came from: the identifiers that tie data, model, registry and endpoint together."""

from dataclasses import dataclass

__all__ = ["Lineage"]


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """Grows along the pipeline: each step fills in what it knows; the rest stays None."""

    run_id: str
    git_revision: str | None = None
    corpus_digest: str | None = None
    dvc_digest: str | None = None
    labels_digest: str | None = None
    validation_id: str | None = None
    features_digest: str | None = None
    backbone_id: str | None = None
    model_id: str | None = None
    index_digest: str | None = None
    model_version: str | None = None  # "<registered name>/<version>"
    bento: str | None = None  # Bento tag
