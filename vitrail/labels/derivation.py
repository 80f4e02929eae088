"""derive_labels: the whole way from a corpus' signals to a label set, in resumable stages.

    lookup      image ids to rows
    vocabulary  dictionary and labels, from a sample of the signals
    annotate    every signal to term ids, spilled by shard (Daft)
    score       the labels of each image, one shard at a time (Daft)
    publish     labels with enough images, sidecars, votes and manifest

Each stage writes into a work folder beside the output; what is finished there is not computed again.
"""

import json
import logging
import shutil
from collections import Counter
from pathlib import Path

import daft
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from daft import col

from vitrail.contracts.codec import load, save
from vitrail.contracts.corpus import SIGNALS_SCHEMA, CorpusManifest
from vitrail.contracts.files import (
    atomic_file,
    atomic_folder,
    digest_file,
    digest_json,
    read_json,
    write_json,
)
from vitrail.contracts.labels import (
    DICTIONARY_SCHEMA,
    SIDECAR_SCHEMA,
    VOCABULARY_SCHEMA,
    VOTES_SCHEMA,
    LabelSetManifest,
)
from vitrail.errors import LabelError
from vitrail.labels.aggregation import score_shard
from vitrail.labels.annotation import Annotator, read_spill, save_terms
from vitrail.labels.config import LabelsConfig
from vitrail.labels.images import build_lookup, open_lookup, read_image_ids
from vitrail.labels.normalise import join_term
from vitrail.labels.scoring import ONE, specificity
from vitrail.labels.vocabulary import Vocabulary, build_vocabulary

__all__ = ["derive_labels"]

_LOG = logging.getLogger(__name__)
_WAVE_BYTES = 256 << 20  # signal files are annotated in waves; a finished wave survives a kill
_HEAD_SHARE, _MID_SHARE = (
    0.5,
    0.9,
)  # of all (image, label) pairs: head labels hold the first half, the tail the last tenth


def derive_labels(
    corpus: Path, out: Path, config: LabelsConfig, *, previous: Path | None = None, work: Path | None = None
) -> LabelSetManifest:
    """Derives weak labels for every image of a corpus.

    Args:
        corpus: Corpus folder.
        out: Label-set folder; appears whole.
        config: How.
        previous: An earlier label set whose ids surviving labels keep.
        work: Folder of intermediate results; by default hidden beside `out`. Deleted at the end.

    Raises:
        LabelError: The corpus has no usable text, or its tables are not what the contract says.
    """
    corpus, out = Path(corpus), Path(out)
    manifest = load(CorpusManifest, corpus / "corpus.json")
    key = digest_json([manifest.digest, config.output_digest])[:16]
    work = Path(work or out.parent / f".{out.name}.work") / key
    work.mkdir(parents=True, exist_ok=True)
    files = _signal_files(corpus)
    if not (work / "starts.npy").exists():
        build_lookup(corpus, manifest, work)
    vocabulary = _vocabulary(files, work, config)
    report = _annotate(files, work)
    shards = [shard.name for shard in manifest.shards]
    result = _publish(corpus, manifest, out, config, vocabulary, report, shards, work)
    shutil.rmtree(work.parent)
    return result


def _signal_files(corpus: Path) -> list[Path]:
    files = sorted((corpus / "signals").glob("*.parquet"))
    if not files:
        raise LabelError(f"{corpus / 'signals'} has no .parquet file; there is no text to derive labels from")
    for path in files:
        try:
            schema = pq.read_schema(path)
        except (OSError, pa.ArrowInvalid) as error:
            raise LabelError(
                f"{path} is not a readable Parquet file ({error}); build the corpus again"
            ) from error
        missing = [name for name in SIGNALS_SCHEMA.names if name not in schema.names]
        if missing:
            raise LabelError(f"{path} lacks the columns {missing}; signals need {SIGNALS_SCHEMA.names}")
    return files


def _vocabulary(files: list[Path], work: Path, config: LabelsConfig) -> Vocabulary:
    total = sum(pq.read_metadata(path).num_rows for path in files)
    frame = daft.read_parquet([str(path) for path in files]).select(
        "image_id", "post_id", "source", "text", "language"
    )
    if total > config.sample_signals:
        slots = 1 << 20
        frame = frame.where(col("post_id").hash() % slots < int(slots * config.sample_signals / total))
    sample = frame.select("image_id", "text", "language").to_arrow()
    rows = open_lookup(work).find(sample["image_id"].combine_chunks())
    keep = pa.array((rows >= 0) & sample["text"].is_valid().to_numpy())
    sample = sample.filter(keep)
    vocabulary = build_vocabulary(sample, rows[keep.to_numpy(zero_copy_only=False)], config)
    save_terms(work / "terms.parquet", vocabulary.surfaces, vocabulary.term_of_surface)
    return vocabulary


def _annotate(files: list[Path], work: Path) -> dict[str, object]:
    spill = work / "spill"
    spill.mkdir(exist_ok=True)
    by_shard: dict[int, list[tuple[str, int]]] = {}
    skipped: Counter[str] = Counter()
    num_signals = 0
    for number, wave in enumerate(_waves(files)):
        record = work / f"wave-{number:05}.json"
        if not record.exists():
            write_json(record, _annotate_wave(wave, work, spill))
        for report in read_json(record):
            num_signals += report["num_signals"]
            skipped.update(report["skipped"])
            for position, shard in enumerate(report["shards"]):
                by_shard.setdefault(shard, []).append((report["file"], position))
    return {"by_shard": by_shard, "skipped": skipped, "num_signals": num_signals}


def _waves(files: list[Path]) -> list[list[Path]]:
    waves: list[list[Path]] = []
    size = _WAVE_BYTES
    for path in files:
        if size >= _WAVE_BYTES:
            waves.append([])
            size = 0
        waves[-1].append(path)
        size += path.stat().st_size
    return waves


def _annotate_wave(files: list[Path], work: Path, spill: Path) -> list[dict[str, object]]:
    annotator = Annotator(str(work), str(spill))
    names = ("image_id", "post_id", "source", "text", "weight")
    frame = daft.read_parquet([str(path) for path in files])
    frame = frame.select(annotator.annotate(*(col(name) for name in names)).alias("report"))
    reports = frame.where(col("report").not_null()).to_pydict()["report"]
    return [json.loads(report) for report in reports]


def _shard_signals(work: Path, places: list[tuple[str, int]]) -> pa.Table | None:
    batches = [read_spill(work / "spill" / name, position) for name, position in places]
    return pa.Table.from_batches(batches) if batches else None


def _publish(corpus, manifest, out, config, vocabulary, report, shards, work) -> LabelSetManifest:
    term_score = 0.25 + 0.25 * specificity(vocabulary.num_images, vocabulary.sample_images)
    scored, votes = {}, {}
    starts = np.load(work / "starts.npy")
    num_labels = int(vocabulary.label_of_term.max()) + 1
    least = int(np.ceil(config.min_score * ONE))
    frequency = np.zeros(num_labels, dtype=np.int64)
    for number, name in enumerate(shards):
        signals = _shard_signals(work, report["by_shard"].get(number, []))
        if signals is None:
            continue
        scores = score_shard(
            signals,
            int(starts[number]),
            vocabulary.label_of_term,
            term_score,
            config.source_weights,
            config.aggregation,
        )
        frequency += np.bincount(
            scores.label[_top(scores.row, scores.score, least, config.top_k)], minlength=num_labels
        )
        scored[name], votes[name] = scores, signals
    kept = np.flatnonzero(frequency >= config.min_images)
    if not len(kept):
        raise LabelError(
            f"no label reaches min_images={config.min_images} of {manifest.num_images:,} images; lower it or add text"
        )
    with atomic_folder(out) as folder:
        return _write(
            folder, corpus, manifest, config, vocabulary, report, shards, scored, votes, kept, starts
        )


def _top(row: np.ndarray, score: np.ndarray, least: int, top_k: int) -> np.ndarray:
    """Mask of the first top_k pairs of each row that reach the least score; pairs come best first."""
    is_good = score >= least
    rank = np.zeros(len(row), dtype=np.int64)
    if len(row):
        first = np.concatenate([[True], row[1:] != row[:-1]])
        rank = np.arange(len(row)) - np.maximum.accumulate(np.where(first, np.arange(len(row)), 0))
    return is_good & (rank < top_k)


def _write(
    folder, corpus, manifest, config, vocabulary, report, shards, scored, votes, kept, starts
) -> LabelSetManifest:
    (folder / "shards").mkdir()
    (folder / "votes").mkdir()
    number_of = np.full(int(vocabulary.label_of_term.max()) + 1, -1, dtype=np.int64)
    number_of[kept] = np.arange(len(kept))
    label_ids = _fresh_ids(vocabulary, kept)
    least = int(np.ceil(config.min_score * ONE))
    frequency = np.zeros(len(kept), dtype=np.int64)
    num_labelled = 0
    for name in shards:
        ids = read_image_ids(corpus, name)
        scores = scored.get(name)
        counts = np.zeros(len(ids), dtype=np.int64)
        row, label, score = (np.zeros(0, dtype=np.int64),) * 3
        if scores is not None:
            label = number_of[scores.label]
            is_kept = label >= 0
            row, label, score = scores.row[is_kept], label[is_kept], scores.score[is_kept]
            best = _top(row, score, least, config.top_k)
            row, label, score = row[best], label[best], score[best]
            counts = np.bincount(row, minlength=len(ids))
        frequency += np.bincount(label, minlength=len(kept))
        num_labelled += int((counts > 0).sum())
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        sidecar = pa.table(
            {
                "image_id": ids,
                "label_ids": pa.ListArray.from_arrays(offsets, pa.array(label_ids[label], pa.int64())),
                "scores": pa.ListArray.from_arrays(offsets, pa.array((score / ONE).astype(np.float32))),
            },
            schema=SIDECAR_SCHEMA,
        )
        pq.write_table(sidecar, folder / "shards" / f"{name}.parquet")
        table = _votes(
            ids,
            row,
            label,
            scores,
            votes.get(name),
            vocabulary,
            number_of,
            label_ids,
            config,
            starts[shards.index(name)],
        )
        pq.write_table(table, folder / "votes" / f"{name}.parquet")
    pq.write_table(
        _vocabulary_table(vocabulary, kept, label_ids, frequency, manifest.num_images, config),
        folder / "vocabulary.parquet",
    )
    pq.write_table(_dictionary_table(vocabulary), folder / "dictionary.parquet")
    names = ["vocabulary.parquet", *(f"shards/{name}.parquet" for name in shards)]
    result = LabelSetManifest(
        corpus_digest=manifest.digest,
        config_digest=config.output_digest,
        digest=digest_json([[name, digest_file(folder / name)] for name in names]),
        shards=tuple(shards),
        num_labels=len(kept),
        num_images_labelled=num_labelled,
        num_images=manifest.num_images,
        num_signals=report["num_signals"],
        num_signals_skipped=dict(sorted(report["skipped"].items())),
    )
    save(folder / "labels.json", result)
    return result


def _votes(ids, row, label, scores, signals, vocabulary, number_of, label_ids, config, first_row) -> pa.Table:
    if signals is None or not config.votes:
        return VOTES_SCHEMA.empty_table()
    vote_row = (signals["row"].to_numpy() - first_row)[scores.vote_signal]
    vote_label = number_of[scores.vote_label]
    width = len(label_ids)
    is_kept = (vote_label >= 0) & np.isin(vote_row * width + vote_label, row * width + label)
    signal, term = scores.vote_signal[is_kept], scores.vote_term[is_kept]
    table = pa.table(
        {
            "image_id": ids.take(pa.array(vote_row[is_kept])),
            "label_id": pa.array(label_ids[vote_label[is_kept]], pa.int64()),
            "term": pa.array(vocabulary.terms).take(pa.array(term)),
            "post_id": signals["post_id"].take(pa.array(signal)).combine_chunks(),
            "source": signals["source"].take(pa.array(signal)).combine_chunks(),
            "score": pa.array((scores.vote_score[is_kept] / ONE).astype(np.float32)),
        },
        schema=VOTES_SCHEMA,
    )
    columns = [(name, "ascending") for name in ("image_id", "label_id", "post_id", "source", "term", "score")]
    return table.sort_by(columns)


def _fresh_ids(vocabulary: Vocabulary, kept: np.ndarray) -> np.ndarray:
    return np.arange(1, len(kept) + 1)


def _vocabulary_table(vocabulary, kept, label_ids, frequency, num_images, config) -> pa.Table:
    members: dict[int, list[int]] = {}
    is_foreign = np.array([language not in config.encoder_languages for language in vocabulary.language])
    order = np.lexsort((np.array(vocabulary.terms), -vocabulary.num_images, is_foreign))
    for term in order.tolist():
        members.setdefault(int(vocabulary.label_of_term[term]), []).append(term)
    groups = [members[int(label)] for label in kept]
    idf = np.log(max(num_images, 1) / np.maximum(frequency, 1))
    return pa.table(
        {
            "label_id": pa.array(label_ids, pa.int64()),
            "term": [vocabulary.terms[group[0]] for group in groups],
            "members": [[vocabulary.terms[term] for term in group] for group in groups],
            "language": [vocabulary.language[group[0]] for group in groups],
            "frequency": pa.array(frequency, pa.int64()),
            "idf": pa.array(idf.astype(np.float32)),
            "band": assign_bands(frequency),
        },
        schema=VOCABULARY_SCHEMA,
    )


def assign_bands(frequency: np.ndarray) -> list[str]:
    """head, mid or tail by cumulative share of all (image, label) pairs, most frequent label first."""
    order = np.argsort(-frequency, kind="stable")
    before = np.concatenate([[0], np.cumsum(frequency[order])[:-1]]) / max(int(frequency.sum()), 1)
    bands = np.empty(len(frequency), dtype=object)
    bands[order] = np.where(before < _HEAD_SHARE, "head", np.where(before < _MID_SHARE, "mid", "tail"))
    return bands.tolist()


def _dictionary_table(vocabulary: Vocabulary) -> pa.Table:
    dictionary = vocabulary.dictionary
    texts = [join_term(list(term)) for term in dictionary.terms]
    idf = np.log(vocabulary.sample_images / np.maximum(dictionary.num_images, 1)).astype(np.float32)
    return pa.table(
        {
            "term": texts,
            "canonical": [texts[index] for index in dictionary.canonical],
            "language": vocabulary.dictionary_language,
            "num_images": pa.array(dictionary.num_images, pa.int64()),
            "idf": pa.array(idf),
            "reason": pa.array(dictionary.reason, pa.string()),
        },
        schema=DICTIONARY_SCHEMA,
    )
