"""Engines, partitions and kills: whatever happens on the way, the bytes at the end are the same."""

import itertools
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from daft.exceptions import DaftCoreException
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.signal_corpora import CONFIG, all_digests, copy_corpus, read_signals
from vitrail.corpus import open_corpus
from vitrail.errors import LabelError
from vitrail.labels import LabelsConfig, derive_labels
from vitrail.labels.clustering import nearest_neighbours
from vitrail.labels.dictionary.terms import Terms
from vitrail.labels.scoring.aggregation import add_coarser_labels, aggregate_posts, labels_of_terms
from vitrail.labels.scoring.annotation_features import build_annotations
from vitrail.labels.scoring.mentions import unpack_mentions
from vitrail.labels.scoring.scorers import HeuristicScorer
from vitrail.labels.shards import annotate_signals, image_rows, publish_shards, score_shards, signal_files
from vitrail.labels.shards.annotation import annotate
from vitrail.labels.shards.engine import outside_reason
from vitrail.labels.shards.image_rows import _SEEDS as SEEDS
from vitrail.labels.shards.image_rows import ImageLookup, hash_ids
from vitrail.labels.shards.votes import collect_votes
from vitrail.labels.shards.work_folder import WorkFolder
from vitrail.labels.text.shared_texts import count_shared_texts
from vitrail.labels.text.surfaces import Surfaces

NUM_PARTS = 4  # signal files, each a wave; the corpus has as many shards


@pytest.fixture(scope="module")
def parted_corpus(mini_corpus, tmp_path_factory):
    """The mini corpus with its signals in four files."""
    signals = read_signals(mini_corpus)
    bounds = np.linspace(0, signals.num_rows, NUM_PARTS + 1).astype(int)
    tables = [signals.slice(start, end - start) for start, end in itertools.pairwise(bounds)]
    return copy_corpus(mini_corpus, tmp_path_factory.mktemp("parted") / "corpus", tables)


@pytest.mark.parametrize("parts", [2, 7])
def test_output_is_identical_for_any_partitioning_and_order(mini_corpus, plain_labels, tmp_path, parts):
    signals = read_signals(mini_corpus)
    signals = signals.take(np.random.default_rng(parts).permutation(signals.num_rows))
    bounds = np.linspace(0, signals.num_rows, parts + 1).astype(int)
    tables = [signals.slice(start, end - start) for start, end in itertools.pairwise(bounds)]
    corpus = copy_corpus(mini_corpus, tmp_path / "corpus", tables)
    derive_labels(corpus, tmp_path / "labels", CONFIG)
    assert all_digests(tmp_path / "labels") == all_digests(plain_labels)


def test_the_default_configuration_gives_the_same_bytes_for_any_partitioning(parted_corpus, mini_labels, tmp_path):
    """With the encoder and average linkage, whose input is floating point; the mini corpus is one file."""
    derive_labels(parted_corpus, tmp_path / "labels", LabelsConfig())
    assert all_digests(tmp_path / "labels") == all_digests(mini_labels)


@pytest.mark.parametrize("arm", ["kmeans", "hdbscan"])
def test_arms_on_the_neighbour_index_give_the_same_bytes_for_any_partitioning(
    mini_corpus, parted_corpus, tmp_path, monkeypatch, arm
):
    monkeypatch.setattr(nearest_neighbours, "EXACT", 50)
    config = LabelsConfig(clustering=arm)
    derive_labels(mini_corpus, tmp_path / "whole", config)
    derive_labels(parted_corpus, tmp_path / "parted", config)
    assert all_digests(tmp_path / "parted") == all_digests(tmp_path / "whole")


WORDS = ("red", "kite", "red kite", "sea", "blue sea", "dog", "dog")
LANGUAGES = ["en"] * 6 + ["de"]
TERMS = Terms(
    term=list(WORDS),
    language=LANGUAGES,
    num_images=np.full(len(WORDS), 5),
    num_tokens=np.array([len(word.split()) for word in WORDS]),
    specificity=np.linspace(-1, 1, len(WORDS)).astype(np.float32),
    entropy=np.full(len(WORDS), 0.3, np.float32),
    query_rate=np.zeros(len(WORDS), np.float32),
    vector=np.random.default_rng(0).normal(size=(len(WORDS), 8)).astype(np.float32),
    label=np.array([[0, 1, 1, 2, 2, 3, 4], [-1, 5, 5, 5, 5, -1, -1]]),
    closeness=np.ones((2, len(WORDS)), np.float32),
)
SURFACES = Surfaces(
    pa.table(
        {
            "tokens": [word.split() for word in WORDS],
            "language": LANGUAGES,
            "term": np.arange(len(WORDS)),
            "num_images": TERMS.num_images,
        }
    )
)
SHARED = count_shared_texts(pa.array(["red kite", "red kite", "sea", "dog", "sea", "sea"]), np.arange(6))
IMAGES = pa.array([f"image-{number}" for number in range(5)])
_HASHES = hash_ids(IMAGES, 0)
_ORDER = np.argsort(_HASHES)
LOOKUP = ImageLookup(hashes=_HASHES[_ORDER], rows=_ORDER, starts=np.array([0, len(IMAGES)]), seed=0)

signals_strategy = st.lists(
    st.fixed_dictionaries(
        {
            "image_id": st.sampled_from([*IMAGES.to_pylist(), "unknown", None]),
            "post_id": st.sampled_from(["p1", "p2", "ü", None]),
            "source": st.sampled_from(["title", "query", None]),
            "text": st.lists(st.sampled_from([*WORDS, "oh", "!"]), max_size=6).map(" ".join) | st.none(),
            "weight": st.sampled_from([1.0, 0.5, None]),
            "language": st.sampled_from(["en", "de", None]),
        }
    ),
    min_size=1,
    max_size=25,
)


def label_parts(parts):
    """Labels and votes of signals that arrive in parts, each a list of rows."""
    batches = []
    for rows in parts:
        columns = {name: [row[name] for row in rows] for name in ("image_id", "post_id", "source", "text", "language")}
        arrays = {name: pa.array(values, pa.string()) for name, values in columns.items()}
        arrays["weight"] = pa.array([row["weight"] for row in rows], pa.float32())
        batches += annotate(arrays, SURFACES, SHARED, LOOKUP)[0].to_batches()
    if not batches:
        return None
    spilled = pa.Table.from_batches(batches).combine_chunks().to_batches()[0]
    mentions = unpack_mentions(spilled, 0, {"query": 0.7})
    scorer = HeuristicScorer()
    annotations = build_annotations(mentions, TERMS, scorer.features)
    scores = scorer.score(annotations.features)
    finest = aggregate_posts(annotations.row, annotations.post, TERMS.label[0, annotations.term], scores, "noisy_or")
    labels = add_coarser_labels(finest, TERMS.label_levels)
    said, label = labels_of_terms(TERMS.label, annotations.term)
    votes = collect_votes(spilled, mentions, annotations, scores, said, label, labels)
    return [array.tolist() for array in (labels.row, labels.label, labels.score)], votes.to_pylist()


@settings(max_examples=60, deadline=None)
@given(signals_strategy, st.randoms(use_true_random=False), st.integers(1, 6))
def test_labels_and_votes_do_not_depend_on_order_and_partitions(rows, random, num_parts):
    shuffled = random.sample(rows, len(rows))
    cuts = sorted(random.randint(0, len(rows)) for _ in range(num_parts - 1))
    parts = [shuffled[start:end] for start, end in itertools.pairwise([0, *cuts, len(rows)]) if end > start]
    assert label_parts(parts) == label_parts([rows])


KILL_SCRIPT = """
import importlib, os, signal, sys
from pathlib import Path
from builders.signal_corpora import CONFIG
from vitrail.labels import derive_labels
from vitrail.labels.shards import signal_files
corpus, out, module, name, last = sys.argv[1:]
target, calls = importlib.import_module(module), []
function = getattr(target, name)
def run_or_die(*arguments):
    calls.append(name)
    if len(calls) == int(last):
        os.kill(os.getpid(), signal.SIGKILL)
    return function(*arguments)
setattr(target, name, run_or_die)
signal_files._WAVE_BYTES = 1
derive_labels(Path(corpus), Path(out), CONFIG)
"""
STAGES = {  # what computes one part of the stage, and the record that it leaves
    "annotate": (annotate_signals, "_annotate_wave", "wave-*.json"),
    "score": (score_shards, "build_annotations", "scored/*.npz"),
    "publish": (publish_shards, "read_image_ids", "published/*.npz"),
}


@pytest.mark.parametrize("stage", STAGES)
def test_a_killed_derivation_goes_on_where_it_was(parted_corpus, plain_labels, tmp_path, monkeypatch, stage):
    out, (module, name, records) = tmp_path / "labels", STAGES[stage]
    command = [sys.executable, "-c", KILL_SCRIPT, str(parted_corpus), str(out), module.__name__, name, str(NUM_PARTS)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, capture_output=True, timeout=300, env=environment, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    assert not out.exists()
    (work,) = tmp_path.glob(".labels.work/*")
    num_finished = len(list(work.glob(records)))
    assert num_finished >= 1
    calls = []
    function = getattr(module, name)
    monkeypatch.setattr(module, name, lambda *arguments: (calls.append(name), function(*arguments))[1])
    monkeypatch.setattr(signal_files, "_WAVE_BYTES", 1)
    derive_labels(parted_corpus, out, CONFIG)
    assert len(calls) == NUM_PARTS - num_finished
    assert all_digests(out) == all_digests(plain_labels)
    assert not work.exists()


def test_a_record_cut_short_is_not_taken_for_a_whole_one(parted_corpus, plain_labels, tmp_path):
    def cut_short(function, name):
        def write(first, second):
            target = second if isinstance(first, pa.Table) else first
            path = target if isinstance(target, Path) else Path(target.name)
            if name not in path.name:
                return function(first, second)
            path.write_bytes(b"half")
            raise KeyboardInterrupt

        return write

    for module, writer, name in ((np, "save", "starts.npy"), (pq, "write_table", "dictionary.parquet")):
        with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(module, writer, cut_short(getattr(module, writer), name))
            derive_labels(parted_corpus, tmp_path / "labels", CONFIG)
    derive_labels(parted_corpus, tmp_path / "labels", CONFIG)
    assert all_digests(tmp_path / "labels") == all_digests(plain_labels)


FAILURES = {
    "full": OSError(28, "No space left on device"),
    "memory": MemoryError(),
    "engine": DaftCoreException("DaftError::InternalError a worker is gone"),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_a_failed_shard_is_told_from_bad_input_and_the_next_run_goes_on(
    parted_corpus, plain_labels, tmp_path, monkeypatch, failure
):
    save, saved = score_shards._save_scored, []

    def save_or_fail(work, shard, *rest):
        if shard == NUM_PARTS - 1:
            raise failure
        save(work, shard, *rest)
        saved.append(shard)

    monkeypatch.setattr(score_shards, "_save_scored", save_or_fail)
    words = re.escape(str(failure) or "MemoryError")
    with pytest.raises(LabelError, match=f"not finished: {words}; .* run again, which goes on") as error:
        derive_labels(parted_corpus, tmp_path / "labels", CONFIG)
    assert "UTF-8" not in str(error.value)
    assert saved
    monkeypatch.setattr(score_shards, "_save_scored", lambda *all: (saved.append(all[1]), save(*all)))
    derive_labels(parted_corpus, tmp_path / "labels", CONFIG)
    assert sorted(saved) == list(range(NUM_PARTS))
    assert all_digests(tmp_path / "labels") == all_digests(plain_labels)


def test_what_ray_passes_on_from_a_worker_is_judged_by_its_cause():
    from ray.exceptions import OutOfMemoryError, RayTaskError, WorkerCrashedError

    def passed_on(cause):
        return RayTaskError("score", "a long trace", cause).as_instanceof_cause()

    assert "worker died unexpectedly" in outside_reason(WorkerCrashedError())
    assert outside_reason(OutOfMemoryError("node is full")) == "node is full"
    assert outside_reason(passed_on(passed_on(OSError(28, "No space left")))) == "[Errno 28] No space left"
    assert outside_reason(passed_on(TypeError("a mistake of ours"))) is None
    assert outside_reason(passed_on(LabelError("says what to do"))) is None


RAY_SCRIPT = """
import os, signal, sys
from pathlib import Path
import ray
from ray.cluster_utils import Cluster
from vitrail.labels import LabelsConfig, derive_labels
corpus, out, journal = sys.argv[1:]

def die_after_the_first_shard():
    import os, signal
    from pathlib import Path
    from vitrail.labels.shards import score_shards
    save = score_shards._save_scored
    def save_and_die(work, shard, *rest):
        save(work, shard, *rest)
        with open(f"{journal}/{shard}", "a") as stream:
            stream.write("saved\\n")
        try:
            os.close(os.open(f"{journal}/killed", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)
    score_shards._save_scored = save_and_die

cluster = Cluster()
for _ in range(2):
    cluster.add_node(num_cpus=1, object_store_memory=100 << 20, include_dashboard=False)
ray.init(
    address=cluster.address,
    log_to_driver=False,
    runtime_env={"worker_process_setup_hook": die_after_the_first_shard},
)
try:
    derive_labels(Path(corpus), Path(out), LabelsConfig(engine="ray"))
finally:
    ray.shutdown()
    cluster.shutdown()
"""


def test_ids_that_meet_under_one_hash_are_told_apart(mini_corpus, tmp_path, monkeypatch):
    corpus, work = open_corpus(mini_corpus), WorkFolder(tmp_path)
    monkeypatch.setattr(
        image_rows, "hash_ids", lambda ids, seed: hash_ids(ids, seed) >> np.uint64(54 * (seed == SEEDS[0]))
    )
    image_rows.build_lookup(corpus, work)
    lookup = image_rows.open_lookup(work)
    assert lookup.seed == SEEDS[1]
    ids = corpus.index()["image_id"].combine_chunks()
    assert lookup.find(ids).tolist() == list(range(len(ids)))


@pytest.mark.ray
def test_two_ray_workers_of_which_one_is_killed_give_the_same_bytes(parted_corpus, mini_labels, tmp_path):
    journal = tmp_path / "journal"
    journal.mkdir()
    command = [sys.executable, "-c", RAY_SCRIPT, str(parted_corpus), str(tmp_path / "labels"), str(journal)]
    environment = os.environ | {"RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment, check=False)
    assert result.returncode == 0, result.stderr[-3000:]
    assert (journal / "killed").exists()
    saved = {path.name: path.read_text() for path in journal.iterdir() if path.name != "killed"}
    assert saved == {str(shard): "saved\n" for shard in range(NUM_PARTS)}  # none was scored again
    assert all_digests(tmp_path / "labels") == all_digests(mini_labels)
