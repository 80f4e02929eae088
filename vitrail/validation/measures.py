"""One pass over corpus and labels: everything the suites and the profile need."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from vitrail.contracts.labels import LabelSetManifest
from vitrail.contracts.validation import Profile
from vitrail.corpus import Corpus
from vitrail.validation.config import ValidationConfig
from vitrail.validation.findings import Findings
from vitrail.validation.image_sample import image_distributions, sample_images
from vitrail.validation.joins import measure_joins
from vitrail.validation.label_sets import LabelMeasures, measure_labels
from vitrail.validation.profile import distance, shares
from vitrail.validation.signals import SignalMeasures, measure_signals

__all__ = ["DISTRIBUTIONS", "Measures", "measure"]

DISTRIBUTIONS = (
    "label",
    "labels_per_image",
    "text_length",
    "language",
    "source",
    "image_side",
    "image_aspect",
    "image_format",
)


@dataclass(frozen=True, kw_only=True)
class Measures:
    """Frames for the suites, and the profile of the data."""

    signals: SignalMeasures
    labels: LabelMeasures
    joins: list[Findings]
    images: pa.Table
    profile: Profile

    def drift(self, baseline: Profile | None) -> pa.Table:
        """One row per distribution with its distance to that of `baseline`, null without one."""
        known = {} if baseline is None else baseline.distributions
        distances = [
            distance(known[name], self.profile.distributions[name]) if name in known else None for name in DISTRIBUTIONS
        ]
        names = pa.array(DISTRIBUTIONS, pa.string())
        files = pa.array([Profile.FILE] * len(DISTRIBUTIONS), pa.string())
        return pa.table({"file": files, "distribution": names, "distance": pa.array(distances, pa.float64())})


def measure(corpus: Corpus, labels: Path, manifest: LabelSetManifest, config: ValidationConfig) -> Measures:
    """Reads every table once and decodes a sample of the images."""
    index = corpus.index()
    signals = measure_signals(corpus, index["image_id"].combine_chunks(), config)
    label_set = measure_labels(corpus, labels, manifest, config)
    counts = signals.counts | label_set.counts | image_distributions(index)
    return Measures(
        signals=signals,
        labels=label_set,
        joins=measure_joins(corpus, index, manifest, config),
        images=sample_images(corpus, index, config),
        profile=_profile(corpus, manifest, signals.num_signals, counts, config),
    )


def _profile(
    corpus: Corpus,
    manifest: LabelSetManifest,
    num_signals: int,
    counts: dict[str, Counter[str]],
    config: ValidationConfig,
) -> Profile:
    largest = {"label": config.profile_labels}
    return Profile(
        corpus=corpus.manifest.name,
        corpus_digest=corpus.manifest.digest,
        labels_digest=manifest.digest,
        num_images=corpus.manifest.num_images,
        num_signals=num_signals,
        num_labels=manifest.num_labels,
        distributions={name: shares(counts[name], largest.get(name)) for name in DISTRIBUTIONS},
    )
