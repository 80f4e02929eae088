"""Which suite is run on which frame."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vitrail.contracts.corpus import CorpusManifest
from vitrail.contracts.validation import Profile, SuiteResult
from vitrail.validation import suites
from vitrail.validation.checks import Check, run_checks
from vitrail.validation.config import ValidationConfig
from vitrail.validation.findings import Findings, frame_of
from vitrail.validation.joins import JOIN_MEASURES
from vitrail.validation.label_sets import SIDECAR_MEASURES, VOCABULARY_MEASURES
from vitrail.validation.measures import Measures
from vitrail.validation.signals import SIGNAL_MEASURES

__all__ = ["check_measures"]


def check_measures(
    manifest: CorpusManifest,
    measures: Measures,
    baseline: Profile | None,
    config: ValidationConfig,
    out: Path,
) -> tuple[SuiteResult, ...]:
    """Runs every suite and writes suites and Data Docs under `out`."""
    comparable, note = _comparable(manifest, baseline)
    signals, labels = measures.signals, measures.labels
    sampled = f"sample of {len(signals.sample())} of {signals.num_signals} texts"
    decoded = f"sample of {len(measures.images)} of {manifest.num_images} images"
    checks = [
        _per_file(suites.signals_suite(manifest, config), signals.findings, SIGNAL_MEASURES),
        Check(suite=suites.texts_suite(config), frame=signals.sample(), row_name="image_id", note=sampled),
        _per_file(suites.labels_suite(config), labels.sidecars, SIDECAR_MEASURES),
        _per_file(suites.vocabulary_suite(), labels.vocabulary, VOCABULARY_MEASURES),
        _per_file(suites.joins_suite(config), measures.joins, JOIN_MEASURES),
        Check(suite=suites.images_suite(config), frame=measures.images, row_name="image_id", note=decoded),
        Check(
            suite=suites.drift_suite(config),
            frame=measures.drift(comparable),
            row_name="distribution",
            note=note,
        ),
    ]
    return run_checks(checks, out)


def _per_file(suite: Any, findings: Sequence[Findings], measures: Sequence[str]) -> Check:
    examples = {(measure, finding.file): names for finding in findings for measure, names in finding.examples.items()}
    return Check(suite=suite, frame=frame_of(findings, measures), examples=examples)


def _comparable(manifest: CorpusManifest, baseline: Profile | None) -> tuple[Profile | None, str]:
    """Drift is a change of the same corpus; another corpus is not a drifted one."""
    if baseline is None:
        return None, "no baseline: nothing was blessed yet"
    if baseline.corpus != manifest.name:
        return None, f"no baseline: the last blessed run used the corpus {baseline.corpus}"
    return baseline, f"against the corpus {baseline.corpus_digest[:12]} of the last blessed run"
