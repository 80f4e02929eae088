"""Bad images and tars in a training: listed, limited, named."""

import json
import shutil
from pathlib import Path

import pytest
from training_jobs import pretrain_config, train, write_pretrain

from vitrail.corpus import open_corpus
from vitrail.corpus.decode import ImageLimits
from vitrail.corpus.reading import ReaderConfig

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


def test_a_tar_that_changed_stops_the_run_with_place_shard_and_key(mini_corpus, word_labels, tmp_path):
    corpus = open_corpus(shutil.copytree(mini_corpus, tmp_path / "corpus"))
    for shard in corpus.manifest.shards:
        with corpus.shard_path(shard.name).open("r+b") as tar:
            tar.seek(corpus.shard_index(shard.name)["offset"][0].as_py())
            tar.write(b"\0" * (shard.size - tar.tell()))
    work = write_pretrain(tmp_path / "work", corpus.path, word_labels, pretrain_config())
    assert train(work) == [1]
    message = failure_of(work)
    assert "the batch at place 0 of the order: shard 0000" in message
    assert "the tar changed since it was indexed" in message
