"""Bad images and tars in a training: listed, limited, named."""

import json
import re
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from builders.training_jobs import pretrain_config, train, write_pretrain
from vitrail.corpus import open_corpus
from vitrail.corpus.pixels.limits import ImageLimits
from vitrail.corpus.reader.config import ReaderConfig
from vitrail.errors import LabelError, TrainingError
from vitrail.training.errors import located

pytestmark = pytest.mark.distributed


def failure_of(work: Path) -> str:
    return json.loads((work / "failure.json").read_text())["message"]


def test_too_many_bad_images_stop_the_run_and_a_restart(mini_corpus, word_labels, tmp_path):
    reader = ReaderConfig(limits=ImageLimits(max_pixels=100), max_bad_images=20)  # every image is too large
    work = write_pretrain(tmp_path / "work", mini_corpus, word_labels, pretrain_config(reader=reader))
    for place in (16, 0):
        assert train(work) == [1]
        found = f"the batch at place {place} of the order: 32 bad images, more than max_bad_images=20"
        assert found in failure_of(work)
        listed = json.loads((work / "quarantine" / "00000.json").read_text())
        assert len(listed) == 32
        assert all("more than the limit of 100" in reason for *_, reason in listed)


def test_a_tar_that_changed_stops_the_run_with_step_shard_and_key(mini_corpus, word_labels, tmp_path):
    corpus = open_corpus(shutil.copytree(mini_corpus, tmp_path / "corpus"))
    for shard in corpus.manifest.shards:
        with corpus.shard_path(shard.name).open("r+b") as tar:
            tar.seek(corpus.shard_index(shard.name)["offset"][0].as_py())
            tar.write(b"\0" * (shard.size - tar.tell()))
    work = write_pretrain(tmp_path / "work", corpus.path, word_labels, pretrain_config())
    assert train(work) == [1]
    message = failure_of(work)
    assert re.match(r"pretrain, step 1: the batch at place 0 of the order: shard 0000\d, image \S+: ", message)
    assert "the tar changed since it was indexed" in message


def test_an_object_that_cannot_be_reached_stops_the_run_with_step_shard_and_key(mini_corpus, word_labels, tmp_path):
    corpus = shutil.copytree(mini_corpus, tmp_path / "corpus")
    shutil.rmtree(corpus / "shards")
    remote = {"url": (tmp_path / "nowhere").as_uri(), "cache": {"folder": str(tmp_path / "cache"), "attempts": 1}}
    (corpus / "remote.json").write_text(json.dumps(remote))
    work = write_pretrain(tmp_path / "work", corpus, word_labels, pretrain_config())
    assert train(work) == [1]
    assert re.match(r"pretrain, step 1: the batch at place 0 of the order: shard 0000\d, image \S+: ", failure_of(work))
    assert "nowhere" in failure_of(work)


@pytest.mark.parametrize(("missing", "place"), [("skip", "before the first step"), ("error", "step 1: the batch at")])
def test_a_sidecar_from_other_labels_stops_the_run_with_step_shard_and_key(
    missing, place, mini_corpus, word_labels, tmp_path
):
    labels = shutil.copytree(word_labels, tmp_path / "labels")
    paths = sorted((labels / "shards").iterdir())
    tables = [pq.read_table(path) for path in paths]
    for path, table in zip(paths, tables[1:] + tables[:1], strict=True):
        pq.write_table(table, path)
    work = write_pretrain(tmp_path / "work", mini_corpus, labels, pretrain_config(missing_labels=missing))
    assert train(work) == [1]
    assert failure_of(work).startswith(f"pretrain, {place}")
    assert re.search(r"not the sidecar of shard 0000\d: row 0 has labels for image '\S+'", failure_of(work))


@pytest.mark.parametrize(
    ("raised", "kind", "message"),
    [
        (LabelError("shard 0, image a"), LabelError, "step 3: shard 0, image a"),
        (OSError(28, "No space left on device", "x"), TrainingError, "step 3: .*No space left on device: 'x'; mend"),
    ],
)
def test_an_error_says_where_it_occurred_and_keeps_its_class(raised, kind, message):
    with pytest.raises(kind, match=message), located("step 3"):
        raise raised
