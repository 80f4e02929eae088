"""The feature table of judged phrases, and the scorer that is trained on it while labels are derived."""

import logging
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vitrail.contracts.corpus import SPLITS_FILE
from vitrail.contracts.files import atomic_file
from vitrail.corpus import Corpus
from vitrail.errors import LabelError
from vitrail.labels.config import LabelsConfig
from vitrail.labels.dictionary.terms import Terms, load_terms
from vitrail.labels.scoring.annotation_features import COUNTED_FEATURES, build_annotations, feature_names, is_feature
from vitrail.labels.scoring.judgements import read_judgements
from vitrail.labels.scoring.mentions import unpack_mentions
from vitrail.labels.scoring.scorers import train_scorer
from vitrail.labels.shards.image_rows import ImageLookup, open_lookup
from vitrail.labels.shards.spill import SpilledSignals
from vitrail.labels.shards.work_folder import WorkFolder
from vitrail.labels.text.normalise import normalise_terms
from vitrail.labels.text.surfaces import NO_TERM

__all__ = ["judged_features", "train_on_judgements"]

_LOG = logging.getLogger(__name__)


def train_on_judgements(work: WorkFolder, corpus: Corpus, config: LabelsConfig) -> None:
    """Writes judged.parquet (a row per judged annotation, with its features) and scorer.json.

    Args:
        work: Work folder after annotation.
        corpus: Its corpus.
        config: Names the judgements.

    Raises:
        LabelError: None of the judged phrases is said of its picture here, or all judgements are alike.
    """
    if config.judgements is None or work.scorer.exists():
        return
    judgements = read_judgements(Path(config.judgements))
    table = _judged_annotations(work, judgements, config)
    if not table.num_rows:
        raise LabelError(
            f"none of the {len(judgements):,} judgements of {config.judgements} is about a phrase that {corpus.path} "
            "says of that picture; name judgements of this corpus"
        )
    _LOG.info("scorer trained on %s annotations of %s judgements", table.num_rows, len(judgements))
    groups = _groups(corpus.path, table["image_id"].combine_chunks())
    names = [groups.get(image_id, image_id) for image_id in table["image_id"].to_pylist()]
    with atomic_file(work.judged) as partial:
        pq.write_table(table.append_column("group", pa.array(names)), partial)
    train_scorer(*judged_features(table), table["is_right"].to_numpy(), work.scorer)


def judged_features(table: pa.Table) -> tuple[list[str], np.ndarray]:
    """Names of the features in judged.parquet, and float32 [A, F]."""
    names = [name for name in table.column_names if is_feature(name)]
    return names, np.stack([table[name].to_numpy() for name in names], axis=1)


def _groups(corpus: Path, image_ids: pa.Array) -> Mapping[str, str]:
    """The split group of these images, for those corpora that have one: near-copies stay on one side of a split."""
    path = corpus / SPLITS_FILE
    groups: dict[str, str] = {}
    if path.exists():
        for batch in pq.ParquetFile(path).iter_batches(columns=["image_id", "group"]):
            some = batch.filter(pc.is_in(batch["image_id"], value_set=image_ids))
            groups |= zip(some["image_id"].to_pylist(), some["group"].to_pylist(), strict=True)
    return groups


def _judged_annotations(work: WorkFolder, judgements: pa.Table, config: LabelsConfig) -> pa.Table:
    lookup, terms = open_lookup(work), load_terms(work.terms, work.vectors)
    rows = lookup.find(judgements["image_id"].combine_chunks())
    numbers = _term_numbers(judgements["term"].to_pylist(), work)
    place = {
        (int(rows[index]), number): index for index in np.flatnonzero(rows >= 0).tolist() for number in numbers[index]
    }  # a variant and its term are one: the last row counts
    known = np.unique(np.array([row for row, _ in place], dtype=np.int64))
    found = list(_read_shards(work, lookup, known, place, terms, config))
    index = np.array([index for index, _ in found], dtype=np.int64)
    table = judgements.take(pa.array(index))
    for position, name in enumerate(feature_names()):
        column = np.array([row[position] for _, row in found], dtype=np.float32)
        if name in COUNTED_FEATURES or column.any():  # a kind of text that the judged posts do not use leaves no trace
            table = table.append_column(name, pa.array(column))
    return table


def _term_numbers(phrases: list[str], work: WorkFolder) -> list[list[int]]:
    """Numbers of the terms that each phrase counts as, in any language; none for phrases that are no terms."""
    entries = pq.read_table(work.surfaces)
    numbers: dict[tuple[str, ...], set[int]] = defaultdict(set)
    for tokens, number in zip(entries["tokens"].to_pylist(), entries["term"].to_pylist(), strict=True):
        if number != NO_TERM:
            numbers[tuple(tokens)].add(number)
    return [sorted(numbers.get(form, ())) for form in normalise_terms(phrases)]


def _read_shards(
    work: WorkFolder,
    lookup: ImageLookup,
    rows: np.ndarray,
    place: Mapping[tuple[int, int], int],
    terms: Terms,
    config: LabelsConfig,
) -> list[tuple[int, np.ndarray]]:
    """(position of the judgement, features) of every judged annotation of the given images."""
    spilled = SpilledSignals(work)
    by_shard: dict[int, list[int]] = defaultdict(list)
    for row, shard in zip(rows.tolist(), lookup.shard_of(rows).tolist(), strict=True):
        by_shard[shard].append(row)
    found = []
    for shard, some in sorted(by_shard.items()):
        signals = spilled.of_shard(shard)
        if signals is None:
            continue
        signals = signals.filter(pc.is_in(signals["row"], value_set=pa.array(some, signals["row"].type)))
        if not signals.num_rows:
            continue
        batch = signals.combine_chunks().to_batches()[0]
        annotations = build_annotations(unpack_mentions(batch, 0, config.source_weights), terms, feature_names())
        keys = zip(annotations.row.tolist(), annotations.term.tolist(), strict=True)
        found += [(place[key], annotations.features[at]) for at, key in enumerate(keys) if key in place]
    return found
