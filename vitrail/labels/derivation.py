"""derive_labels: the whole way from a corpus' signals to a label set, in resumable stages.

    lookup      image ids to rows
    vocabulary  dictionary, terms and labels, from a sample of the signals
    annotate    every signal to term numbers, spilled by shard (Daft); judgements, when there are, train the scorer
    score       the candidate labels of each image, one shard at a time (Daft)
    publish     labels with enough images; sidecars and votes (Daft), vocabulary and manifest

Each stage writes into a work folder beside the output; what is finished there is not computed again.
"""

import logging
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from vitrail.contracts.codec import write
from vitrail.contracts.files import atomic_file, digest_file, digest_json
from vitrail.contracts.labels import VOCABULARY_FILE, LabelDiff, LabelSetManifest, sidecar_file
from vitrail.corpus import Corpus, open_corpus
from vitrail.labels.config import LabelsConfig
from vitrail.labels.dictionary.terms import save_terms
from vitrail.labels.dictionary.vocabulary import build_vocabulary
from vitrail.labels.label_set.diff import check_churn, diff_labels
from vitrail.labels.label_set.opened import LabelSet, open_labels
from vitrail.labels.label_set.vocabulary_table import members_table, vocabulary_table
from vitrail.labels.scoring.scorers import load_scorer
from vitrail.labels.shards.annotate_signals import AnnotationCounts, annotate_signals
from vitrail.labels.shards.choose_labels import ChosenLabels, choose_labels
from vitrail.labels.shards.engine import explaining_failures, running_on
from vitrail.labels.shards.image_rows import build_lookup, open_lookup
from vitrail.labels.shards.publish_shards import PublishedShards, publish_shards
from vitrail.labels.shards.score_shards import score_shards
from vitrail.labels.shards.scorer_training import train_on_judgements
from vitrail.labels.shards.signal_files import SignalFiles, open_signals
from vitrail.labels.shards.work_folder import WorkFolder
from vitrail.labels.text.shared_texts import save_shared_texts

__all__ = ["derive_labels", "digest_config"]

_LOG = logging.getLogger(__name__)


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
    opened, out = open_corpus(Path(corpus).absolute()), Path(out).absolute()
    load_scorer(config.scorer)  # here a broken one costs nothing, in the workers the whole annotation
    earlier = open_labels(previous) if previous else None
    root = Path(work).absolute() if work else out.parent / f".{out.name}.work"
    folder = WorkFolder(root / _key(opened, config, earlier)).create()
    signals = open_signals(opened)
    with running_on(config.engine), explaining_failures(opened.path, folder.path):
        build_lookup(opened, folder)
        _prepare_vocabulary(signals, folder, config)
        counts = annotate_signals(signals, folder)
        train_on_judgements(folder, opened, config)
        score_shards(folder, len(opened.manifest.shards), config)
        labels = choose_labels(folder, opened.manifest, config, earlier)
        published = publish_shards(folder, opened, len(labels.ids), config)
    manifest = _describe(opened, folder, config, counts, labels, published)
    diff = _compare(earlier, folder) if earlier else None
    folder.publish(out, manifest.shards)
    if diff and config.max_churn is not None:
        check_churn(diff, config.max_churn)
    shutil.rmtree(folder.path if work else root)
    return manifest


def digest_config(config: LabelsConfig) -> str:
    """Of the configuration and of what is in the files it names."""
    files = [*config.dictionary_files, *filter(None, [config.judgements, config.scorer])]
    return digest_json([config.output_digest, [digest_file(Path(name)) for name in files if Path(name).is_file()]])


def _key(corpus: Corpus, config: LabelsConfig, previous: LabelSet | None) -> str:
    """Of all that the files in a work folder depend on."""
    digest = previous.manifest.digest if previous else None
    return digest_json([corpus.manifest.digest, digest_config(config), digest])[:16]


def _prepare_vocabulary(signals: SignalFiles, work: WorkFolder, config: LabelsConfig) -> None:
    if work.dictionary.exists():
        return
    sample = signals.sample(config.sample_signals)
    rows = open_lookup(work).find(sample["image_id"].combine_chunks())
    is_usable = (rows >= 0) & sample["text"].is_valid().to_numpy()
    vocabulary = build_vocabulary(sample.filter(pa.array(is_usable)), rows[is_usable], config)
    _LOG.info("%s terms in %s labels", len(vocabulary.terms.term), int(vocabulary.terms.label.max()) + 1)
    pq.write_table(vocabulary.surfaces, work.surfaces)
    save_shared_texts(vocabulary.shared_texts, work.shared_texts)
    save_terms(vocabulary.terms, work.terms, work.vectors)
    _write_table(vocabulary.dictionary, work.dictionary)  # last: it says that all is there


def _describe(
    corpus: Corpus,
    work: WorkFolder,
    config: LabelsConfig,
    counts: AnnotationCounts,
    labels: ChosenLabels,
    published: PublishedShards,
) -> LabelSetManifest:
    """Writes what describes the published shards: vocabulary, members and manifest."""
    num_images, sidecars = corpus.manifest.num_images, published.sidecar_digests
    groups, levels, ids = labels.groups, labels.levels, labels.ids
    vocabulary = vocabulary_table(labels.terms, groups, levels, ids, published.frequency, num_images)
    _write_table(vocabulary, work.vocabulary)
    _write_table(members_table(labels.terms, groups, levels, ids), work.members)
    files = {VOCABULARY_FILE: digest_file(work.vocabulary)}
    files |= {sidecar_file(name): digest for name, digest in sidecars.items()}
    manifest = LabelSetManifest(
        corpus_digest=corpus.manifest.digest,
        config_digest=digest_config(config),
        digest=digest_json(sorted(files.items())),
        shards=tuple(sidecars),
        num_labels=len(labels.ids),
        num_images_labelled=published.num_images_labelled,
        num_images=num_images,
        num_signals=counts.num_signals,
        num_signals_skipped=counts.skipped,
        is_sampled=counts.num_signals > config.sample_signals,
        sidecar_digests=sidecars,
        max_labels=config.top_k,
    )
    write(work.path, manifest)
    return manifest


def _compare(previous: LabelSet, work: WorkFolder) -> LabelDiff:
    diff = diff_labels(previous, open_labels(work.path))
    write(work.path, diff)
    _LOG.info(
        "churn %.1f%%: %d labels kept, %d new, %d lost", 100 * diff.churn, len(diff.kept), len(diff.new), len(diff.lost)
    )
    return diff


def _write_table(table: pa.Table, path: Path) -> None:
    """Whole, as a new file: the one in its place may be that of a published label set, by hard link."""
    with atomic_file(path) as partial:
        pq.write_table(table, partial)
