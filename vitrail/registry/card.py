"""The model card: what a model is for, what it measured, and what it must not be used for."""

import dataclasses
from collections.abc import Iterable, Sequence

from vitrail.contracts.corpus import CorpusManifest
from vitrail.contracts.evaluation import EvaluationReport, Metric
from vitrail.contracts.index import IndexManifest
from vitrail.contracts.lineage import Lineage
from vitrail.contracts.models import HeadSpec, ModelManifest
from vitrail.contracts.study import Interval, StudyReport
from vitrail.contracts.verdict import Verdict

__all__ = ["model_card"]

# Kinds of comparison of a study, and what they are against.
_AGAINST = {"finetuning": "Over no pretraining, same fine-tuning", "compute": "Over no pretraining, same computation"}
_Levels = dict[tuple[str, str], float]  # by metric and kind of baseline

_INTENDED_USE = """\
- Embedding images so that visually similar ones are found: visual search, related items, near-duplicates.
- Classifying images into the classes below, and suggesting annotations (weak labels derived from text).
- As a start for fine-tuning on another catalogue of images.
"""
_LIMITS = """\
- **No inference of identity or race.** Where a task is about skin tone, its classes describe the range of
  tone that a picture shows and nothing about the person: not who it is, not ethnicity, origin or health. Use
  it to diversify or to filter results at a user's wish, never to decide about people, and report recall per
  class and the gap between the best and the worst class, never the average alone.
- Annotations come from text that people wrote around images. They are suggestions, carry the biases of their
  sources, and are missing where no text was.
- Quality was measured on held-out images of the corpus named below; on other kinds of images it is unknown.
- A probability is the model's own score. It is not calibrated against human judgement.
"""


def model_card(
    *,
    name: str,
    manifest: ModelManifest,
    index: IndexManifest,
    evaluation: EvaluationReport,
    verdict: Verdict,
    corpus: CorpusManifest | None,
    lineage: Lineage,
    study: StudyReport | None = None,
) -> str:
    """The card in Markdown; with a study, what it found of trainings such as this model's."""
    sections = {
        "Intended use": _INTENDED_USE,
        "Limits": _LIMITS,
        "Model": _model(manifest, index),
        "Data and licences": _data(evaluation, corpus),
        "Metrics": _metrics(evaluation),
        f"Verdict: {verdict.status}": _verdict(verdict),
        **({"What pretraining on weak labels is worth": _study(study)} if study else {}),
        "Lineage": _lineage(lineage),
    }
    body = "\n".join(f"## {title}\n\n{text.rstrip()}\n" for title, text in sections.items())
    return f"# {name} {manifest.model_id[:12]}\n\n{body}"


def _model(manifest: ModelManifest, index: IndexManifest) -> str:
    options = ", ".join(f"{name}={value}" for name, value in manifest.architecture.options.items())
    side = manifest.transforms.image_size
    facts = (
        f"Trunk: timm `{manifest.architecture.name}`" + (f" ({options})" if options else ""),
        f"Input: RGB, {side} x {side} pixels, transparent pixels over {manifest.transforms.background}",
        f"Index: {index.num_items:,} images, {index.num_bits} bits each, Hamming distance",
    )
    return _bullets(facts) + "\n\n" + _table(("Head", "Kind", "Outputs"), map(_head, manifest.heads))


def _head(spec: HeadSpec) -> tuple[str, ...]:
    shown = ", ".join(spec.classes[:8]) + (", …" if len(spec.classes) > 8 else "")
    return spec.name, spec.kind, f"{spec.dim:,}" + (f": {shown}" if shown else "")


def _data(evaluation: EvaluationReport, corpus: CorpusManifest | None) -> str:
    if corpus is None:
        return f"Corpus `{evaluation.corpus_digest}`."
    facts = (
        f"{corpus.title} (`{corpus.name}`): {corpus.num_images:,} images, {corpus.num_signals:,} texts",
        f"Content digest: `{corpus.digest}`",
        *(f"Licence: {licence}" for licence in corpus.licences),
    )
    return f"{corpus.description}\n\n{_bullets(facts)}"


def _metrics(evaluation: EvaluationReport) -> str:
    levels: _Levels = {(level.metric, level.kind): level.value for level in evaluation.baselines}
    rows = (_metric_row(metric, levels) for metric in evaluation.metrics)
    header = ("Metric", "Value", "95% interval", "Units", "Chance", "Majority")
    return "On the split `test`; intervals by bootstrap.\n\n" + _table(header, rows)


def _metric_row(metric: Metric, known: _Levels) -> tuple[str, ...]:
    levels = (known.get((metric.name, kind)) for kind in ("chance", "majority"))
    return (
        metric.name,
        f"{metric.value:.3f}",
        f"{metric.low:.3f} to {metric.high:.3f}",
        f"{metric.num_units:,}",
        *("" if level is None else f"{level:.3f}" for level in levels),
    )


def _verdict(verdict: Verdict) -> str:
    compared = f"Compared with {verdict.champion_version}." if verdict.champion_version else "No champion before it."
    rows = ((check.name, check.kind, check.outcome, check.reason) for check in verdict.checks)
    table = _table(("Check", "Kind", "Outcome", "Reason"), rows)
    return "\n\n".join(filter(None, (compared, _bullets(verdict.reasons), table)))


def _study(study: StudyReport) -> str:
    """A study is about arms that were trained for it, not about this model, and says so."""
    rows = (
        (
            arm.name,
            f"{arm.mean.value:.3f}",
            *(_gain(found.gain) if (found := study.comparison(kind, arm.name)) else "" for kind in _AGAINST),
        )
        for arm in study.arms
    )
    table = _table(("Arm", "Value", *_AGAINST.values()), rows)
    return (
        f"Models that were trained for a study, on the split `test` of corpus `{study.target}` ({study.metric}, "
        f"{study.num_queries:,} queries of {study.num_concepts:,} concepts); this model is none of them.\n\n{table}"
    )


def _gain(found: Interval) -> str:
    return f"{100 * found.value:+.1f}% ({100 * found.low:+.1f} to {100 * found.high:+.1f})"


def _lineage(lineage: Lineage) -> str:
    known = {name: value for name, value in dataclasses.asdict(lineage).items() if value}
    return _table(("What", "Identifier"), ((name, f"`{value}`") for name, value in known.items()))


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
