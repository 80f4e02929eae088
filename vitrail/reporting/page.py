"""Puts the sections together into one self-contained page."""

import base64
import datetime
import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow as pa
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from vitrail.contracts.files import atomic_file
from vitrail.errors import VitrailError
from vitrail.reporting import sections
from vitrail.reporting.audit import AUDIT_FOLDER, publish_audit
from vitrail.reporting.run import Run, read_run
from vitrail.reporting.templating import environment

__all__ = ["publish_report"]

_log = logging.getLogger(__name__)

_UNREADABLE = (
    VitrailError,
    OSError,
    ValueError,
    KeyError,
    TypeError,
    IndexError,
    AttributeError,
    pa.ArrowException,
)
Data = Mapping[str, Any] | None


@dataclass(frozen=True, kw_only=True)
class _Spec:
    """A section: where it stands, what builds it, and the step without which there is nothing to build."""

    anchor: str
    title: str
    build: Callable[[Run], Data]
    step: str | None = None
    needs: str = ""


@dataclass(frozen=True, kw_only=True)
class Section:
    """A section for the template: its data, or the sentence that stands in its place."""

    anchor: str
    title: str
    data: Data
    sentence: str


def publish_report(run: Path, out: Path, steps: Sequence[str]) -> None:
    """Writes the page of a run, whatever state the run is in.

    Args:
        run: Run folder; steps, artifacts and files of it may be missing, failed or damaged.
        out: The HTML file; it appears whole. Audit pages of labels go into `clusters/` beside it.
        steps: Names of the pipeline's steps, in the order of the report.
    """
    read = read_run(run, steps)
    _write_audit(read, out.parent / AUDIT_FOLDER)
    page = _render(read, [_build(spec, read) for spec in _specs(out)])
    with atomic_file(out) as partial:
        partial.write_text(page, encoding="utf-8")
    _log.info("report of %s: %s, %.1f MB", read.run_id, out, len(page) / 1e6)


def _write_audit(run: Run, folder: Path) -> None:
    corpus, label_set = run.artifact("checkout_corpus"), run.artifact("derive_labels")
    if corpus is None or label_set is None:
        return
    try:
        publish_audit(corpus, label_set, folder)
    except _UNREADABLE:
        _log.warning("the labels of %s could not be written for an audit", run.run_id, exc_info=True)


def _specs(out: Path) -> tuple[_Spec, ...]:
    evaluation = {"step": "evaluate_model", "needs": "an evaluation"}
    label_set = {"step": "derive_labels", "needs": "a label set"}
    return (
        _Spec(anchor="outcome", title="Verdict and gates", build=sections.outcome),
        _Spec(anchor="retrieval", title="Retrieval", build=sections.retrieval, **evaluation),
        _Spec(anchor="classification", title="Classification", build=sections.classification, **evaluation),
        _Spec(
            anchor="slices",
            title="Slices by text",
            build=sections.slices,
            step="evaluate_model",
            needs="an evaluation with text features",
        ),
        _Spec(anchor="labels", title="Weak labels", build=lambda run: sections.labels(run, out), **label_set),
        _Spec(anchor="examples", title="Images and their labels", build=sections.examples, **label_set),
        _Spec(
            anchor="training",
            title="Training",
            build=sections.training,
            step="pretrain_backbone",
            needs="a training log",
        ),
        _Spec(
            anchor="study",
            title="What weak labels are worth",
            build=sections.study,
            needs="a study that the recipe names (`study`) and that is there",
        ),
        _Spec(
            anchor="validation",
            title="Validation of the data",
            build=lambda run: sections.validation(run, out),
            step="validate_data",
            needs="a validation report",
        ),
        _Spec(anchor="costs", title="Cost and endpoint", build=sections.costs, **evaluation),
        _Spec(anchor="lineage", title="Lineage", build=sections.lineage),
        _Spec(anchor="timing", title="Time per step", build=sections.timing),
        _Spec(anchor="environment", title="Environment and recipe", build=sections.environment),
    )


def _build(spec: _Spec, run: Run) -> Section:
    """One section; one that cannot be read says so in its place and in the log; the others stand."""
    try:
        data, sentence = spec.build(run), _absence(spec, run)
    except _UNREADABLE as error:
        _log.warning("section %s could not be written", spec.anchor, exc_info=True)
        data, sentence = None, f"This section could not be written: {type(error).__name__}: {error}"
    return Section(anchor=spec.anchor, title=spec.title, data=data, sentence=sentence)


def _absence(spec: _Spec, run: Run) -> str:
    if spec.step is None:
        return f"This section needs {spec.needs or 'what no step left'}."
    status = run.step(spec.step).status
    reason = {
        "missing": f"step {spec.step} did not run",
        "failed": f"step {spec.step} failed",
        "skipped": f"step {spec.step} was skipped",
        "running": f"step {spec.step} was interrupted",
    }.get(status, f"step {spec.step} left none of this")
    return f"This section needs {spec.needs}, and {reason}."


def _render(run: Run, built: list[Section]) -> str:
    source = files("vitrail.reporting").joinpath("templates")
    scripts = [get_plotlyjs(), source.joinpath("page.js").read_text(encoding="utf-8")]
    outcome = next((section.data for section in built if section.anchor == "outcome"), None)
    return (
        environment()
        .get_template("page.html")
        .render(
            run=run,
            sections=built,
            outcome=outcome,
            recipe=run.recipe.get("name", ""),
            written_at=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
            style=Markup(source.joinpath("page.css").read_text(encoding="utf-8")),  # noqa: S704 our own file
            scripts=[Markup(script) for script in scripts],  # noqa: S704 our own file, and plotly's
            hashes=" ".join(f"'sha256-{_hash(script)}'" for script in scripts),
        )
    )


def _hash(script: str) -> str:
    """What the page's policy allows to run: these scripts and no other."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
