"""The label set of the champion decides the ids of the next one."""

import dataclasses
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vitrail.contracts.codec import load
from vitrail.contracts.labels import MEMBERS_SCHEMA, LabelDiff
from vitrail.contracts.lineage import Lineage
from vitrail.contracts.runs import ArtifactManifest
from vitrail.errors import LabelError
from vitrail.labels import open_labels
from vitrail.recipes import find_recipe
from vitrail.steps import STEPS, Workspace, run_step
from vitrail.steps import champion as registered

RECIPE = dataclasses.replace(
    find_recipe("debug"), labels=dataclasses.replace(find_recipe("debug").labels, clustering="none", max_churn=0.5)
)


@dataclasses.dataclass
class Champion:
    """What the step asks of a registered version."""

    lineage: Lineage


@pytest.fixture
def derive(mini_corpus, tmp_path, monkeypatch):
    """Runs the step in a run of its own, with a champion whose version was fetched to a folder."""
    corpus = ArtifactManifest(step="checkout_corpus", artifact=str(mini_corpus), digest="c", value="", lineage={})

    def run(name, champion_labels=None, recipe=RECIPE):
        champion = None
        if champion_labels:
            (tmp_path / f"version-{name}").mkdir()
            shutil.copytree(champion_labels, tmp_path / f"version-{name}" / "labels")
            digest = json.loads((Path(champion_labels) / "labels.json").read_text())["digest"]
            champion = Champion(Lineage(run_id="r", labels_digest=digest))
        monkeypatch.setattr(registered, "find_champion", lambda config: champion)
        monkeypatch.setattr(registered, "fetch_version", lambda version, out: tmp_path / f"version-{name}")
        workspace = Workspace(tmp_path / "runs", name)
        return run_step(
            STEPS["derive_labels"], workspace=workspace, recipe=recipe, inputs={"corpus": corpus}, arguments={}
        )

    return run


def test_a_champion_of_the_same_text_changes_nothing_downstream(derive, tmp_path):
    first = derive("run-1")
    second = derive("run-2", first.artifact)
    assert second.artifact != first.artifact
    assert second.digest == first.digest  # so that nothing is trained again
    assert load(LabelDiff, tmp_path / second.artifact / "diff.json").churn == 0


def test_labels_that_left_those_of_the_champion_stop_the_run(derive, tmp_path):
    old = shutil.copytree(derive("run-1").artifact, tmp_path / "old")
    rows = open_labels(old).members().to_pylist()
    lumped = [{**row, "label_id": rows[0]["label_id"]} for row in rows]
    pq.write_table(pa.Table.from_pylist(lumped, schema=MEMBERS_SCHEMA), old / "members.parquet")
    manifest = json.loads((old / "labels.json").read_text())
    (old / "labels.json").write_text(json.dumps({**manifest, "digest": "lumped"}))
    with pytest.raises(LabelError, match="max_churn"):
        derive("run-gated-2", old)
    diff = load(LabelDiff, tmp_path / "runs" / "run-gated-2" / "failed" / "derive_labels" / "diff.json")
    assert diff.churn > 0.5
    assert len(diff.split[rows[0]["label_id"]]) > 1


def test_a_champion_with_labels_of_another_version_stops_no_run(derive, tmp_path, caplog):
    free = dataclasses.replace(RECIPE, labels=dataclasses.replace(RECIPE.labels, max_churn=None))
    first = derive("run-1", recipe=free)
    old = shutil.copytree(first.artifact, tmp_path / "old")
    manifest = json.loads((old / "labels.json").read_text())
    (old / "labels.json").write_text(json.dumps({**manifest, "schema_version": 1}))
    with pytest.raises(LabelError, match="has schema version 1"):
        derive("run-gated-2", old)  # whose churn cannot be told
    second = derive("run-2", old, recipe=free)
    assert second.digest == first.digest  # ids are born from terms
    assert "has schema version 1" in caplog.text
