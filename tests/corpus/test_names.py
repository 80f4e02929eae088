"""Names from data are never paths: whatever a column, a manifest or a tar is called, nothing is written elsewhere."""

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from vitrail.contracts.names import RESERVED_TASKS, require_file_name, require_task_name
from vitrail.corpus import build_corpus, check_corpus, open_corpus
from vitrail.errors import ConfigError, CorpusError
from vitrail.tasks.kind import EMBEDDING
from vitrail.training.warm_start import ANNOTATIONS

BAD_TASKS = [
    "../../../../evil",
    "/tmp/evil",
    "..",
    "a/b",
    "a\\b",
    "a.b",
    "a b",
    "größe",
    "-x",
    "_",
    "a\nb",
    "a\0b",
    "x" * 65,
]


def write_metadata(folder: Path, kind: str, column: str, names: list[str]) -> None:
    rows = [{"file_name": name, column: "ab"[number % 2]} for number, name in enumerate(names)]
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), folder / "metadata.parquet")
    elif kind == "jsonl":
        (folder / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        lines = [f'file_name,"{column}"', *(f"{row['file_name']},{row[column]}" for row in rows)]
        (folder / "metadata.csv").write_text("\n".join(lines))


def refuse(source: Path, out: Path, column: str) -> None:
    before = {path: path.stat().st_mtime_ns for path in source.parent.rglob("*")}
    with pytest.raises(CorpusError, match="rename the column") as caught:
        build_corpus(str(source), out)
    assert repr(column)[:60] in str(caught.value)
    assert {path: path.stat().st_mtime_ns for path in source.parent.rglob("*") if path != source.parent} == before


@pytest.mark.parametrize("task", BAD_TASKS)
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_column_that_names_no_plain_task_is_refused(tmp_path, picture, kind, task):
    (tmp_path / "set").mkdir()
    for number in range(4):
        (tmp_path / "set" / f"{number}.png").write_bytes(picture(number))
    write_metadata(tmp_path / "set", kind, f"label_{task}", [f"{number}.png" for number in range(4)])
    refuse(tmp_path / "set", tmp_path / "out", f"label_{task}")


@pytest.mark.parametrize(
    "column", ["label_../../../../x", "/abs/path_label", "label_a/b", "label_annotations", "label_Type"]
)
@pytest.mark.parametrize("place", ["json", "parquet"])
def test_a_field_of_shards_that_names_no_plain_task_is_refused(tmp_path, picture, tar, place, column):
    members = {f"{number}.png": picture(number) for number in range(4)}
    if place == "json":
        members |= {f"{number}.json": json.dumps({column: f"{number % 2}"}).encode() for number in range(4)}
    else:
        (tmp_path / "set").mkdir()
        rows = [{"key": f"{number}", column: f"{number % 2}"} for number in range(4)]
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "set" / "0.parquet")
    tar(tmp_path / "set" / "0.tar", members)
    refuse(tmp_path / "set", tmp_path / "out", column)


@pytest.mark.parametrize("list_name", ["tasks", "shards"])
@pytest.mark.parametrize("name", ["../../../../x", "/tmp/x", "..", "a/b", "a\\b", "a\nb", "", "\ud800"])
def test_a_manifest_that_names_a_path_is_refused_by_every_reader(mini_corpus, tmp_path, list_name, name):
    copy = shutil.copytree(mini_corpus, tmp_path / "corpus")
    data = json.loads((copy / "corpus.json").read_text())
    data[list_name][0]["name"] = name
    (copy / "corpus.json").write_text(json.dumps(data))
    for read in (open_corpus, check_corpus):
        with pytest.raises(CorpusError, match=r"corpus\.json is not a valid CorpusManifest: .*build the corpus again"):
            read(copy)


@pytest.mark.parametrize("list_name", ["tasks", "shards"])
def test_a_manifest_with_one_name_twice_is_refused(mini_corpus, tmp_path, list_name):
    copy = shutil.copytree(mini_corpus, tmp_path / "corpus")
    data = json.loads((copy / "corpus.json").read_text())
    data[list_name][1]["name"] = data[list_name][0]["name"].upper()
    (copy / "corpus.json").write_text(json.dumps(data))
    with pytest.raises(CorpusError, match=f"two {list_name} have one name"):
        open_corpus(copy)


def test_what_a_model_has_for_itself_is_reserved():
    names = set(dir(torch.nn.ModuleDict())) | set(dir(torch.nn.ParameterDict()))
    assert {name.lower() for name in names if not name.startswith("_")} <= RESERVED_TASKS
    for name in (EMBEDDING, ANNOTATIONS.title(), "type"):
        with pytest.raises(ConfigError, match="reserved"):
            require_task_name(name)


@given(st.text(max_size=80))
@example("skin_tone")
@example("..")
@example("a\n")
def test_accepted_names_stay_in_their_folder(name):
    for require in (require_task_name, lambda name: require_file_name(name, "shard")):
        try:
            require(name)
        except ConfigError:
            continue
        path = Path("/corpus/tasks") / f"{name}.parquet"
        assert path.parent == Path("/corpus/tasks")
        assert path.resolve() == path
        assert str(path).encode()
