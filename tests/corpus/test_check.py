import json
import os
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vitrail.contracts.corpus import TASK_SCHEMA
from vitrail.corpus import check_corpus, open_corpus
from vitrail.errors import CorpusError


@pytest.fixture
def damaged(mini_corpus, tmp_path):
    return shutil.copytree(mini_corpus, tmp_path / "corpus")


def edit(path, change):
    pq.write_table(change(pq.read_table(path)), path)


def test_a_copy_is_whole(damaged, mini_corpus):
    assert check_corpus(damaged) == check_corpus(mini_corpus)


def test_truncated_tar(damaged):
    tar = damaged / "shards" / "00001.tar"
    tar.write_bytes(tar.read_bytes()[:-5000])
    with pytest.raises(CorpusError, match=r"00001\.tar is .* truncated or changed; .*build the corpus again"):
        check_corpus(damaged)
    last = open_corpus(damaged).shard_index("00001")["image_id"][-1].as_py()
    tar.write_bytes(tar.read_bytes()[:20000])
    with pytest.raises(CorpusError, match=rf"image '{last}': .*00001\.tar has 20,000 bytes and was indexed with"):
        open_corpus(damaged).read_bytes([last])


def test_tar_that_changed_in_place(damaged):
    tar = damaged / "shards" / "00000.tar"
    data = bytearray(tar.read_bytes())
    data[3000] ^= 1
    tar.write_bytes(data)
    with pytest.raises(CorpusError, match=r"00000\.tar has another SHA-256: the tar changed since it was indexed"):
        check_corpus(damaged)


def test_missing_tar_and_missing_index(damaged):
    (damaged / "shards" / "00002.tar").unlink()
    with pytest.raises(CorpusError, match=r"00002\.tar is missing; restore it"):
        check_corpus(damaged)
    (damaged / "index" / "00000.parquet").unlink()
    with pytest.raises(CorpusError, match=r"00000\.parquet does not exist"):
        open_corpus(damaged).index()


def test_labels_of_another_corpus(damaged):
    rows = [{"image_id": "bird-1", "label": "none", "observed_at": None}]
    pq.write_table(pa.Table.from_pylist(rows, TASK_SCHEMA), damaged / "tasks" / "skin_tone.parquet")
    with pytest.raises(
        CorpusError, match=r"skin_tone\.parquet names 1 images that are not in the index \(first: 'bird-1'\)"
    ):
        check_corpus(damaged)


def test_missing_column(damaged):
    edit(damaged / "signals" / "00000.parquet", lambda table: table.drop_columns(["source"]))
    with pytest.raises(CorpusError, match=r"00000\.parquet has no column 'source' \(it has post_id, image_id"):
        check_corpus(damaged)


def test_column_of_another_type(damaged):
    edit(
        damaged / "splits.parquet",
        lambda table: table.set_column(1, "group", pa.array(range(len(table)))),
    )
    with pytest.raises(CorpusError, match=r"splits\.parquet: column 'group' is int64, not string"):
        check_corpus(damaged)


def test_null_text(damaged):
    file = damaged / "signals" / "00000.parquet"
    edit(file, lambda table: table.set_column(3, "text", pa.nulls(len(table), pa.string())))
    with pytest.raises(CorpusError, match=r"column 'text' has \d+ nulls"):
        check_corpus(damaged)


def test_unknown_class(damaged):
    file = damaged / "tasks" / "category.parquet"
    edit(file, lambda table: table.set_column(1, "label", pa.array(["Weather"] * len(table))))
    with pytest.raises(CorpusError, match="holds 'Weather', which is none of Smileys & Emotion"):
        check_corpus(damaged)


def test_group_in_two_splits(damaged):
    splits = pa.array(["train", "test"] * 178)
    edit(damaged / "splits.parquet", lambda table: table.set_column(2, "split", splits))
    with pytest.raises(CorpusError, match="is in more than one split"):
        check_corpus(damaged)


def test_splits_in_another_order(damaged):
    edit(damaged / "splits.parquet", lambda table: table.slice(1))
    with pytest.raises(CorpusError, match="does not have one row per image in the order of the index"):
        check_corpus(damaged)


def test_silently_changed_text_is_noticed(damaged):
    file = damaged / "signals" / "00000.parquet"
    edit(file, lambda table: table.set_column(3, "text", pa.array(["x"] * len(table))))
    with pytest.raises(CorpusError, match="a table has changed since the corpus was built"):
        check_corpus(damaged)


def test_table_that_is_no_parquet(damaged):
    (damaged / "tasks" / "concept.parquet").write_bytes(b"PAR1 nonsense")
    with pytest.raises(CorpusError, match=r"concept\.parquet is not a readable Parquet file"):
        check_corpus(damaged)


def test_manifest_damage(damaged, tmp_path):
    manifest = damaged / "corpus.json"
    text = manifest.read_text()
    manifest.write_text(text.replace('"schema_version": 1', '"schema_version": 99'))
    with pytest.raises(
        CorpusError,
        match="version 99, this vitrail reads version 1; update vitrail, or build the corpus",
    ):
        open_corpus(damaged)
    manifest.write_text(json.dumps({"name": "x", "schema_version": 1}))
    with pytest.raises(CorpusError, match="not a valid CorpusManifest"):
        open_corpus(damaged)
    manifest.write_text(text[:100])
    with pytest.raises(CorpusError, match="is not JSON"):
        open_corpus(damaged)
    with pytest.raises(CorpusError, match=r"is not a corpus \(no corpus\.json\); build the corpus again"):
        open_corpus(tmp_path)


def test_unknown_task_and_image(mini_corpus):
    corpus = open_corpus(mini_corpus)
    with pytest.raises(CorpusError, match="has no task 'colour'; it has skin_tone, category, concept"):
        corpus.task_labels("colour")
    with pytest.raises(CorpusError, match="has no image 'nobody'"):
        corpus.read_bytes(["nobody"])


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
@pytest.mark.parametrize("name", ["corpus.json", "splits.parquet", "quarantine.parquet"])
def test_what_is_no_file_is_said_at_once(damaged, name, make):
    (damaged / name).unlink()
    make(damaged / name)
    with pytest.raises(CorpusError, match=rf"{name} is a folder, a pipe or a device, and no file; "):
        check_corpus(damaged)


def test_a_corpus_without_shards_is_none(damaged):
    manifest = damaged / "corpus.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"shards": []}))
    with pytest.raises(CorpusError, match=r"corpus\.json is not a valid CorpusManifest.*one shard or more.*build the"):
        check_corpus(damaged)


def test_texts_may_lie_in_files_of_any_name(damaged):
    """Their images are looked for in every shard, where no shard has the name of the file."""
    whole, free = damaged / "signals" / "00000.parquet", damaged / "signals" / "free.parquet"
    whole.rename(free)
    with pytest.raises(CorpusError, match="a table has changed since the corpus was built"):
        check_corpus(damaged)
    edit(free, lambda table: table.set_column(1, "image_id", pa.array(["bird-1"] * len(table))))
    with pytest.raises(CorpusError, match=r"free\.parquet names 1 images that are not in the index"):
        check_corpus(damaged)
