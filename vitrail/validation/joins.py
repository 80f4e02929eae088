"""Measures of the join contract: what the tables of a corpus and the label set say about the same images."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from vitrail.contracts.corpus import (
    SPLITS,
    SPLITS_FILE,
    SPLITS_SCHEMA,
    TASK_SCHEMA,
    CorpusManifest,
    TaskInfo,
    task_file,
)
from vitrail.contracts.labels import LabelSetManifest
from vitrail.corpus import Corpus
from vitrail.corpus.class_coverage import cover_classes
from vitrail.corpus.store.tables import read_table
from vitrail.errors import CorpusError
from vitrail.tasks import find_kind
from vitrail.validation.config import ValidationConfig
from vitrail.validation.findings import Findings

__all__ = ["JOIN_MEASURES", "measure_joins"]

JOIN_MEASURES = (
    "num_rows",
    "foreign_labels",
    "quarantined_share",
    "missing_rows",
    "misplaced_rows",
    "unknown_splits",
    "empty_splits",
    "straddling_groups",
    "shared_images",
    "orphans",
    "repeated_images",
    "null_labels",
    "null_times",
    "unknown_classes",
    "num_classes",
    "classes_without_train",
    "classes_without_test",
)
_REMEDY = "build the corpus again"


def measure_joins(
    corpus: Corpus, index: pa.Table, manifest: LabelSetManifest, config: ValidationConfig
) -> list[Findings]:
    """Findings in labels.json, corpus.json, splits.parquet and the task files."""
    findings = [
        _measure_labels(corpus, manifest, config),
        _measure_corpus(corpus, config),
        _measure_splits(corpus, index, config),
    ]
    splits = _read_splits(corpus.path / SPLITS_FILE)
    image_ids = index["image_id"].combine_chunks()
    tasks = [_measure_task(corpus, task, image_ids, splits, config) for task in corpus.manifest.tasks]
    return findings + tasks


def _measure_labels(corpus: Corpus, manifest: LabelSetManifest, config: ValidationConfig) -> Findings:
    findings = Findings(LabelSetManifest.FILE, config.num_examples)
    is_foreign = manifest.corpus_digest != corpus.manifest.digest
    examples = [f"derived from {manifest.corpus_digest[:12]}, the corpus is {corpus.manifest.digest[:12]}"]
    findings.set("foreign_labels", int(is_foreign), examples if is_foreign else ())
    return findings


def _measure_corpus(corpus: Corpus, config: ValidationConfig) -> Findings:
    findings = Findings(CorpusManifest.FILE, config.num_examples)
    quarantined, kept = corpus.manifest.num_quarantined, corpus.manifest.num_images
    findings.set("quarantined_share", quarantined / max(1, quarantined + kept))
    return findings


def _read(path: Path, schema: pa.Schema, findings: Findings) -> pa.Table | None:
    try:
        return read_table(path, schema, _REMEDY)
    except CorpusError as error:
        findings.problem = str(error).replace(str(path), findings.file)
        return None


def _measure_splits(corpus: Corpus, index: pa.Table, config: ValidationConfig) -> Findings:
    findings = Findings(SPLITS_FILE, config.num_examples)
    table = _read(corpus.path / findings.file, SPLITS_SCHEMA, findings)
    if table is None:
        return findings
    names = table["image_id"].combine_chunks()
    expected = index["image_id"].combine_chunks()
    shared = min(len(names), len(expected))
    findings.set("num_rows", len(names))
    findings.count("misplaced_rows", pc.not_equal(names[:shared], expected[:shared]), names[:shared])
    findings.set("missing_rows", abs(len(names) - len(expected)))
    findings.count("unknown_splits", pc.invert(pc.is_in(table["split"], value_set=pa.array(SPLITS))), names)
    empty = sorted(set(SPLITS) - set(pc.unique(table["split"]).to_pylist()))
    findings.set("empty_splits", len(empty), empty)
    straddling = _straddling(table["group"], table["split"])
    _count_members("straddling_groups", table["group"], straddling, names, findings)
    if len(names) == len(expected):
        digests = index["digest"]
        _count_members("shared_images", digests, _straddling(digests, table["split"]), names, findings)
    return findings


def _straddling(keys: pa.ChunkedArray, splits: pa.ChunkedArray) -> pa.Array:
    """The keys that occur in more than one split."""
    pairs = pa.table({"key": keys, "split": splits}).group_by("key").aggregate([("split", "count_distinct")])
    found = pairs.filter(pc.greater(pairs["split_count_distinct"], 1))["key"]
    return found.filter(pc.is_valid(found)).combine_chunks()


def _count_members(measure: str, keys: pa.ChunkedArray, found: pa.Array, names: pa.Array, findings: Findings) -> None:
    """Records the number of keys; the examples are images that have one of them."""
    members = names.filter(pc.is_in(keys, value_set=found).combine_chunks())
    findings.set(measure, len(found), [str(name) for name in members[:100].to_pylist()])


def _read_splits(path: Path) -> pa.Table:
    try:
        return read_table(path, SPLITS_SCHEMA, _REMEDY)
    except CorpusError:  # reported as the problem of the file
        return SPLITS_SCHEMA.empty_table()


def _measure_task(
    corpus: Corpus, task: TaskInfo, image_ids: pa.Array, splits: pa.Table, config: ValidationConfig
) -> Findings:
    findings = Findings(task_file(task.name), config.num_examples)
    table = _read(corpus.path / findings.file, TASK_SCHEMA, findings)
    if table is None:
        return findings
    names = pc.fill_null(table["image_id"], "(no image)").combine_chunks()
    findings.set("num_rows", len(table))
    findings.count("orphans", pc.invert(pc.is_in(names, value_set=image_ids)), names)
    key = pa.table({"image_id": names} | ({} if find_kind(task.kind).targets == "one" else {"label": table["label"]}))
    findings.count("repeated_images", pa.array(key.to_pandas().duplicated(), pa.bool_()), names)
    findings.count("null_labels", pc.is_null(table["label"]), names)
    findings.count("null_times", pc.is_null(table["observed_at"]), names)
    if task.classes:
        classes = pa.array(task.classes, pa.string())
        is_unknown = pc.and_(pc.invert(pc.is_in(table["label"], value_set=classes)), pc.is_valid(table["label"]))
        findings.count("unknown_classes", is_unknown, names)
        coverage = cover_classes(task, table, splits)
        findings.set("num_classes", coverage.num_classes, task.classes[:1])
        findings.set("classes_without_train", len(coverage.unlearned), coverage.unlearned)
        findings.set("classes_without_test", len(coverage.untested), coverage.untested)
    return findings
