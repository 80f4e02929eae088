"""Measures of a label set: its sidecars against the index of the corpus, and its vocabulary."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vitrail.contracts.labels import (
    BANDS,
    SIDECAR_SCHEMA,
    VOCABULARY_FILE,
    VOCABULARY_SCHEMA,
    LabelSetManifest,
    sidecar_file,
)
from vitrail.corpus import Corpus
from vitrail.corpus.store.tables import read_table
from vitrail.errors import CorpusError
from vitrail.validation.config import ValidationConfig
from vitrail.validation.findings import Findings
from vitrail.validation.profile import bucket_counts

__all__ = ["SIDECAR_MEASURES", "VOCABULARY_MEASURES", "LabelMeasures", "measure_labels"]

SIDECAR_MEASURES = (
    "num_rows",
    "missing_rows",
    "misplaced_rows",
    "unknown_labels",
    "repeated_labels",
    "unpaired_scores",
    "bad_scores",
    "unsorted_scores",
    "labelled_share",
)
VOCABULARY_MEASURES = (
    "num_rows",
    "num_missing",
    "null_terms",
    "repeated_ids",
    "repeated_terms",
    "bad_frequencies",
    "bad_idf",
    "unknown_bands",
)
_REMEDY = "derive the labels again"


@dataclass
class LabelMeasures:
    """What one pass over the sidecars yields."""

    sidecars: list[Findings] = field(default_factory=list)
    vocabulary: list[Findings] = field(default_factory=list)
    counts: dict[str, Counter[str]] = field(default_factory=lambda: {"label": Counter(), "labels_per_image": Counter()})


def measure_labels(corpus: Corpus, labels: Path, manifest: LabelSetManifest, config: ValidationConfig) -> LabelMeasures:
    """Reads the vocabulary and every sidecar once."""
    measures = LabelMeasures()
    findings = Findings(VOCABULARY_FILE, config.num_examples)
    measures.vocabulary.append(findings)
    vocabulary = _read(labels / findings.file, VOCABULARY_SCHEMA, findings)
    ids = pa.array([], pa.int64()) if vocabulary is None else vocabulary["label_id"].combine_chunks()
    frequencies = np.zeros(len(ids) + 1, np.int64)  # the last place counts what is not in the vocabulary
    for shard in corpus.manifest.shards:
        frequencies += _measure_sidecar(corpus, shard.name, labels, ids, config, measures)
    if vocabulary is not None:
        _measure_vocabulary(vocabulary, manifest, frequencies[:-1], findings)
        terms = vocabulary["term"].to_pylist()
        for term, count in zip(terms, frequencies[:-1].tolist(), strict=True):
            measures.counts["label"][str(term)] += count
    return measures


def _read(path: Path, schema: pa.Schema, findings: Findings) -> pa.Table | None:
    try:
        return read_table(path, schema, _REMEDY)
    except CorpusError as error:
        findings.problem = str(error).replace(str(path), findings.file)
        return None


def _measure_sidecar(
    corpus: Corpus, shard: str, labels: Path, ids: pa.Array, config: ValidationConfig, measures: LabelMeasures
) -> np.ndarray:
    """Measures one sidecar and returns how many of its images carry each label of the vocabulary."""
    findings = Findings(sidecar_file(shard), config.num_examples)
    measures.sidecars.append(findings)
    table = _read(labels / findings.file, SIDECAR_SCHEMA, findings)
    if table is None:
        return np.zeros(len(ids) + 1, np.int64)
    names = table["image_id"].combine_chunks()
    _measure_rows(names, corpus.shard_index(shard)["image_id"].combine_chunks(), findings)
    lengths = pc.fill_null(pc.list_value_length(table["label_ids"]), 0).combine_chunks()
    places, owners = _measure_labels(table["label_ids"].combine_chunks(), ids, names, findings)
    _measure_scores(table["scores"].combine_chunks(), lengths, names, findings)
    counts = lengths.to_numpy()
    findings.set("labelled_share", float((counts > 0).mean()) if len(counts) else 0.0)
    measures.counts["labels_per_image"].update(bucket_counts(counts))
    once = np.unique(np.stack([owners, places]), axis=1)[1]
    return np.bincount(once, minlength=len(ids) + 1)


def _measure_rows(names: pa.Array, expected: pa.Array, findings: Findings) -> None:
    findings.set("num_rows", len(names))
    findings.set("missing_rows", abs(len(expected) - len(names)))
    shared = min(len(names), len(expected))
    findings.count("misplaced_rows", pc.not_equal(names[:shared], expected[:shared]), names[:shared])


def _measure_labels(
    column: pa.ListArray, ids: pa.Array, names: pa.Array, findings: Findings
) -> tuple[np.ndarray, np.ndarray]:
    """Per label of a sidecar its place in the vocabulary (its length when it is not there) and its row."""
    owners = pc.list_parent_indices(column).to_numpy()
    places = pc.fill_null(pc.index_in(pc.list_flatten(column), value_set=ids), len(ids)).to_numpy()
    _count_owners("unknown_labels", owners[places == len(ids)], names, findings)
    keys = np.sort(owners.astype(np.int64) * (len(ids) + 1) + places)
    repeated = keys[1:][keys[1:] == keys[:-1]] // (len(ids) + 1)
    _count_owners("repeated_labels", repeated, names, findings)
    return places.astype(np.int64), owners.astype(np.int64)


def _measure_scores(column: pa.ListArray, lengths: pa.Array, names: pa.Array, findings: Findings) -> None:
    findings.count("unpaired_scores", pc.not_equal(pc.fill_null(pc.list_value_length(column), 0), lengths), names)
    owners = pc.list_parent_indices(column).to_numpy()
    scores = pc.fill_null(pc.list_flatten(column), float("nan")).to_numpy(zero_copy_only=False)
    _count_owners("bad_scores", owners[~((scores >= 0) & (scores <= 1))], names, findings)
    rises = (scores[1:] > scores[:-1]) & (owners[1:] == owners[:-1])
    _count_owners("unsorted_scores", owners[1:][rises], names, findings)


def _count_owners(measure: str, owners: np.ndarray, names: pa.Array, findings: Findings) -> None:
    rows = np.unique(owners)
    findings.set(measure, len(rows), [str(name) for name in names.take(pa.array(rows[:100])).to_pylist()])


def _measure_vocabulary(
    table: pa.Table, manifest: LabelSetManifest, frequencies: np.ndarray, findings: Findings
) -> None:
    terms = pc.fill_null(table["term"], "(no term)").combine_chunks()
    findings.set("num_rows", len(table))
    findings.set("num_missing", abs(manifest.num_labels - len(table)))
    findings.count("null_terms", pc.is_null(table["term"]), terms)
    findings.count("repeated_ids", _is_repeated(table, ["label_id"]), terms)
    findings.count("repeated_terms", _is_repeated(table, ["term", "language"]), terms)
    findings.count("bad_frequencies", pc.not_equal(table["frequency"], pa.array(frequencies)), terms)
    idf = table["idf"]
    findings.count("bad_idf", pc.invert(pc.and_(pc.is_finite(idf), pc.greater_equal(idf, 0))), terms)
    findings.count("unknown_bands", pc.invert(pc.is_in(table["band"], value_set=pa.array(BANDS))), terms)


def _is_repeated(table: pa.Table, columns: list[str]) -> pa.Array:
    return pa.array(table.select(columns).to_pandas().duplicated(keep="first"), pa.bool_())
