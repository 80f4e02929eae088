"""derive_labels: the whole way from a corpus' signals to a label set, in resumable stages.

    lookup      image ids to rows
    vocabulary  dictionary, terms and labels, from a sample of the signals
    annotate    every signal to term numbers, spilled by shard (Daft); judgements, when there are, train the scorer
    score       the candidate labels of each image, one shard at a time (Daft)
    publish     labels with enough images; sidecars and votes (Daft), vocabulary and manifest

Each stage writes into a work folder beside the output; what is finished there is not computed again.
"""

import contextlib
import json
import logging
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import daft
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from daft import col

from vitrail.contracts.codec import encode, read, write
from vitrail.contracts.corpus import SIGNALS_SCHEMA, CorpusManifest
from vitrail.contracts.files import atomic_file, atomic_folder, digest_file, digest_json, read_json, write_json
from vitrail.contracts.labels import LabelDiff, LabelSetManifest
from vitrail.errors import LabelError
from vitrail.labels.config import LabelsConfig
from vitrail.labels.dictionary.terms import load_terms, save_terms
from vitrail.labels.dictionary.vocabulary import build_vocabulary
from vitrail.labels.label_set.diff import check_churn, diff_labels
from vitrail.labels.label_set.opened import LabelSet, open_labels
from vitrail.labels.label_set.vocabulary_table import label_ids, member_terms, members_table, vocabulary_table
from vitrail.labels.scoring.scorers import load_scorer
from vitrail.labels.shards.annotation import SIGNAL_COLUMNS, Annotator
from vitrail.labels.shards.engine import outside_reason, running_on
from vitrail.labels.shards.image_rows import build_lookup, open_lookup
from vitrail.labels.shards.scorer_training import JUDGED_FILE, SCORER_FILE, train_on_judgements
from vitrail.labels.shards.shard_labels import ShardPublisher, ShardScorer, count_labels, read_published
from vitrail.labels.text.surfaces import save_surfaces

__all__ = ["derive_labels", "digest_config"]

_LOG = logging.getLogger(__name__)
_WAVE_BYTES = 256 << 20  # signal files are annotated in waves; a finished wave survives a kill
_SAMPLE_SLOTS = 1 << 20
_LABEL_SET = (
    *(LabelSetManifest.FILE, "vocabulary.parquet", "dictionary.parquet", "members.parquet", LabelDiff.FILE),
    *(JUDGED_FILE, SCORER_FILE),
    *("shards", "votes"),
)
_SAMPLE_COLUMNS = ("image_id", "post_id", "source", "text", "language")


def derive_labels(
    corpus: Path, out: Path, config: LabelsConfig, *, previous: Path | None = None, work: Path | None = None
) -> LabelSetManifest:
    """Derives weak labels for every image of a corpus.

    Args:
        corpus: Corpus folder.
        out: Label-set folder; appears whole.
        config: How.
        previous: An earlier label set (manifest, vocabulary and members are enough) whose ids surviving labels
            keep; what changed since goes into diff.json.
        work: Folder of intermediate results, on a file system all workers share; by default hidden beside
            `out`.
            What was made in it is deleted at the end; after a kill, or when the labels moved too much, the next call
            goes on from it.

    Raises:
        LabelError: The scorer is none, the corpus has no usable text, its tables are not what the contract says, the
            engine or a worker failed, or the labels moved more than max_churn allows; in this last case the label set
            and its diff are in `out` all the same, to be read.
    """
    corpus, out = Path(corpus).absolute(), Path(out).absolute()
    load_scorer(config.scorer)  # here a broken one costs nothing, in the workers the whole annotation
    manifest = read(CorpusManifest, corpus)
    earlier = open_labels(previous) if previous else None
    key = digest_json([manifest.digest, digest_config(config), earlier.manifest.digest if earlier else None])[:16]
    root = Path(work).absolute() if work else out.parent / f".{out.name}.work"
    folder = root / key
    for name in ("spill", "scored", "published", "shards", "votes"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    files = _signal_files(corpus)
    with running_on(config.engine), _explaining_failures(corpus, folder):
        _prepare_lookup(corpus, manifest, folder)
        _prepare_vocabulary(files, folder, config)
        report = _annotate(files, folder)
        train_on_judgements(folder, corpus, config)
        result = _label_shards(corpus, manifest, config, folder, report, earlier)
    write(folder, result)
    diff = _compare(earlier, folder) if earlier else None
    _publish(out, folder)
    if diff and config.max_churn is not None:
        check_churn(diff, config.max_churn)
    shutil.rmtree(folder if work else root)
    return result


def _compare(previous: LabelSet, folder: Path) -> LabelDiff:
    diff = diff_labels(previous, open_labels(folder))
    write(folder, diff)
    _LOG.info(
        "churn %.1f%%: %d labels kept, %d new, %d lost", 100 * diff.churn, len(diff.kept), len(diff.new), len(diff.lost)
    )
    return diff


def digest_config(config: LabelsConfig) -> str:
    """Of the configuration and of what is in the files it names."""
    files = [*config.dictionary_files, *filter(None, [config.judgements, config.scorer])]
    return digest_json([config.output_digest, [digest_file(Path(name)) for name in files if Path(name).is_file()]])


@contextlib.contextmanager
def _explaining_failures(corpus: Path, work: Path) -> Iterator[None]:
    """What the engine or a worker raises becomes a LabelError with the way out."""
    try:
        yield
    except Exception as error:
        words = outside_reason(error)
        if words is None:
            raise
        if "DaftError::CorruptFile" in words:
            raise LabelError(
                f"a signal file of {corpus} cannot be read: {words}; texts must be UTF-8, build the corpus again"
            ) from error
        raise LabelError(
            f"the labels of {corpus} are not finished: {words}; when its cause is gone run again, "
            f"which goes on from the finished shards in {work}"
        ) from error


def _signal_files(corpus: Path) -> list[Path]:
    files = sorted((corpus / "signals").glob("*.parquet"))
    if not files:
        raise LabelError(f"{corpus / 'signals'} has no .parquet file; there is no text to derive labels from")
    for path in files:
        try:
            schema = pq.read_schema(path)
        except (OSError, pa.ArrowInvalid) as error:
            raise LabelError(f"{path} is not a readable Parquet file ({error}); build the corpus again") from error
        for name in SIGNALS_SCHEMA.names:
            if name not in schema.names:
                raise LabelError(f"{path} lacks the column {name!r}; signals need {SIGNALS_SCHEMA.names}")
        for name in ("image_id", "post_id", "source", "text"):
            kind = schema.field(name).type
            if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
                raise LabelError(f"{path}: column {name!r} is {kind}, not a UTF-8 string; decode it when building")
    return files


def _read(files: list[Path], columns: tuple[str, ...]) -> daft.DataFrame:
    return daft.read_parquet([str(path) for path in files]).select(*columns)


def _prepare_lookup(corpus: Path, manifest: CorpusManifest, folder: Path) -> None:
    if not (folder / "starts.npy").exists():
        build_lookup(corpus, manifest, folder)


def _prepare_vocabulary(files: list[Path], folder: Path, config: LabelsConfig) -> None:
    done = folder / "dictionary.parquet"
    if done.exists():
        return
    total = _count_rows(files)
    frame = _read(files, _SAMPLE_COLUMNS)
    if total > config.sample_signals:
        threshold = max(int(_SAMPLE_SLOTS * config.sample_signals / total), 1)
        frame = frame.where(col("post_id").hash() % _SAMPLE_SLOTS < threshold)
    sample = frame.to_arrow()
    if total <= config.sample_signals:
        _require_all_rows(files, sample.num_rows)
    sample = sample.sort_by([(name, "ascending") for name in _SAMPLE_COLUMNS]).combine_chunks()
    rows = open_lookup(folder).find(sample["image_id"].combine_chunks())
    is_usable = (rows >= 0) & sample["text"].is_valid().to_numpy()
    vocabulary = build_vocabulary(sample.filter(pa.array(is_usable)), rows[is_usable], config)
    _LOG.info("%s terms in %s labels", len(vocabulary.terms.term), int(vocabulary.terms.label.max()) + 1)
    save_surfaces(folder, vocabulary.surfaces)
    save_terms(folder, vocabulary.terms)
    _write_table(vocabulary.dictionary, done)


def _annotate(files: list[Path], folder: Path) -> dict[str, Any]:
    """Annotates waves of signal files that have no record yet; returns counts over all."""
    places: dict[int, list[tuple[str, int]]] = {}
    skipped: Counter[str] = Counter()
    num_signals = 0
    for number, wave in enumerate(_waves(files)):
        record = folder / f"wave-{number:05}.json"
        if not record.exists():
            write_json(record, _annotate_wave(wave, folder))
        for report in read_json(record):
            num_signals += report["num_signals"]
            skipped.update(report["skipped"])
            for position, shard in enumerate(report["shards"]):
                places.setdefault(shard, []).append((report["file"], position))
    write_json(folder / "places.json", places)
    return {"num_signals": num_signals, "skipped": dict(sorted(skipped.items()))}


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


def _annotate_wave(files: list[Path], folder: Path) -> list[dict[str, Any]]:
    annotator = Annotator(str(folder), str(folder / "spill"))
    report = annotator.annotate(*(col(name) for name in SIGNAL_COLUMNS)).alias("report")
    frame = _read(files, SIGNAL_COLUMNS).select(report)
    reports = frame.where(col("report").not_null()).to_pydict()["report"]
    found = [json.loads(report) for report in reports]
    _require_all_rows(files, sum(report["num_signals"] for report in found))
    return found


def _count_rows(files: list[Path]) -> int:
    return sum(pq.read_metadata(path).num_rows for path in files)


def _require_all_rows(files: list[Path], num_rows: int) -> None:
    """Daft 0.7.26 now and then ends a query without its rows instead of raising a reader's error."""
    expected = _count_rows(files)
    if num_rows != expected:
        raise LabelError(
            f"only {num_rows:,} of {expected:,} signals of {files[0].parent} could be read; texts must be UTF-8 "
            "and files whole: build the corpus again"
        )


def _label_shards(
    corpus: Path,
    manifest: CorpusManifest,
    config: LabelsConfig,
    folder: Path,
    report: dict[str, Any],
    previous: LabelSet | None,
) -> LabelSetManifest:
    shards = [shard.name for shard in manifest.shards]
    numbers = daft.from_pydict({"number": list(range(len(shards)))})
    if config.engine == "ray":
        numbers = numbers.into_partitions(len(shards))
    scorer = ShardScorer(str(folder), encode(config))
    numbers.select(scorer.score(col("number"))).collect()
    terms = load_terms(folder)
    kept = _choose_labels(folder, len(shards), int(terms.label.max()) + 1, config, manifest)
    groups = member_terms(terms, kept, config)
    ids = label_ids(terms, groups, previous)
    number_of = np.full(int(terms.label.max()) + 1, -1, dtype=np.int64)
    number_of[kept] = np.arange(len(kept))
    np.savez(folder / "chosen.npz", number=number_of, label_id=ids)
    publisher = ShardPublisher(str(folder), str(corpus), shards, encode(config))
    numbers.select(publisher.publish(col("number"))).collect()
    frequency, num_labelled, digests = read_published(folder, len(shards), len(kept))
    vocabulary = vocabulary_table(terms, groups, ids, frequency, manifest.num_images)
    _write_table(vocabulary, folder / "vocabulary.parquet")
    _write_table(members_table(terms, groups, ids), folder / "members.parquet")
    files = {"vocabulary.parquet": digest_file(folder / "vocabulary.parquet")}
    files |= {f"shards/{name}.parquet": digest for name, digest in zip(shards, digests, strict=True)}
    return LabelSetManifest(
        corpus_digest=manifest.digest,
        config_digest=digest_config(config),
        digest=digest_json(sorted(files.items())),
        shards=tuple(shards),
        num_labels=len(kept),
        num_images_labelled=num_labelled,
        num_images=manifest.num_images,
        num_signals=report["num_signals"],
        num_signals_skipped=report["skipped"],
        is_sampled=report["num_signals"] > config.sample_signals,
        sidecar_digests=dict(zip(shards, digests, strict=True)),
    )


def _write_table(table: pa.Table, path: Path) -> None:
    """Whole, as a new file: the one in its place may be that of a published label set, by hard link."""
    with atomic_file(path) as partial:
        pq.write_table(table, partial)


def _choose_labels(
    folder: Path, num_shards: int, num_labels: int, config: LabelsConfig, manifest: CorpusManifest
) -> np.ndarray:
    frequency = count_labels(folder, num_shards, num_labels)
    kept = np.flatnonzero(frequency >= config.min_images)
    if not len(kept):
        raise LabelError(
            f"no label reaches min_images={config.min_images} of {manifest.num_images:,} images with "
            f"min_score={config.min_score}; lower them or add text"
        )
    return kept


def _publish(out: Path, work: Path) -> None:
    with atomic_folder(out) as folder:
        for name in _LABEL_SET:
            if (work / name).exists():
                _link(work / name, folder / name)


def _link(source: Path, target: Path) -> None:
    """Hard links where the file system has them: a kill in between leaves the work folder complete."""
    if source.is_dir():
        unfinished = shutil.ignore_patterns(".*")  # what a killed worker was writing
        shutil.copytree(source, target, copy_function=_link_file, ignore=unfinished)
    else:
        _link_file(str(source), str(target))


def _link_file(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
