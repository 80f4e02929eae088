import dataclasses
import json
import multiprocessing
import shutil
from pathlib import Path

import pytest

from builders.registered_versions import CORPUS_DIGEST, write_serving_report, write_verdict
from builders.studies import write_study
from vitrail.contracts.codec import save
from vitrail.contracts.evaluation import EvaluationReport, Metric
from vitrail.contracts.files import digest_file
from vitrail.contracts.index import IndexManifest
from vitrail.contracts.lineage import Lineage
from vitrail.contracts.models import Architecture, HeadSpec, Transforms
from vitrail.errors import ConfigError, RegistryError
from vitrail.labels import open_labels
from vitrail.models import VitrailModel, save_model
from vitrail.registry import (
    RegistryConfig,
    fetch_version,
    find_challenger,
    find_champion,
    log_curves,
    promote_model,
    register_model,
)
from vitrail.registry.client import connect, find_experiment
from vitrail.registry.version_folder import verify_artifacts

HEADS = (
    HeadSpec(name="tone", kind="classification", dim=2, classes=("light", "dark")),
    HeadSpec(name="embedding", kind="retrieval", dim=16),
)
RUN = Lineage(run_id="run-1", git_revision="abc", corpus_digest=CORPUS_DIGEST)
RECIPE = json.dumps({"name": "tiny", "finetune": {"steps": 3, "rates": [0.1], "tasks": None}})


@dataclasses.dataclass
class Candidate:
    """The folders of one trained model."""

    root: Path
    model_id: str
    index_digest: str

    def register(self, config: RegistryConfig, lineage: Lineage = RUN, **options: Path):
        return register_model(
            model=self.root / "model",
            index=self.root / "index",
            evaluation=self.root / "evaluation",
            verdict=self.root,
            features=None,
            training=[self.root / "finetune_tasks" / "training.jsonl"],
            recipe_json=RECIPE,
            lineage=lineage,
            config=config,
            **options,
        )

    def judge(self, status: str = "blessed", champion: str | None = None) -> None:
        write_verdict(self.root, self.model_id, status=status, champion=champion)

    def prove(self, is_passed: bool = True) -> None:
        write_serving_report(self.root, self.model_id, self.index_digest, is_passed=is_passed)

    def promote(self, version, config):
        return promote_model(version, verdict=self.root, serving=self.root, config=config)


def make_candidate(root: Path) -> Candidate:
    architecture = Architecture(name="vit_tiny_patch16_224", options={"depth": 1, "embed_dim": 24, "num_heads": 3})
    model = VitrailModel(architecture, Transforms(image_size=32), HEADS)
    manifest = save_model(root / "model", model, RUN)
    (root / "index").mkdir()
    (root / "index" / "index.usearch").write_bytes(b"codes of " + manifest.model_id.encode())
    index = IndexManifest(
        model_id=manifest.model_id,
        corpus_digest=CORPUS_DIGEST,
        num_items=10,
        num_bits=16,
        expansion_search=64,
        index_digest=digest_file(root / "index" / "index.usearch"),
        codes_digest="c",
        vectors_digest="v",
        items_digest="i",
    )
    save(root / "index" / "index.json", index)
    metric = Metric(name="twins/float/p_at_1/open->twin", value=0.5, low=0.4, high=0.6, num_units=9)
    evaluation = EvaluationReport(
        model_id=manifest.model_id, corpus_digest=CORPUS_DIGEST, metrics=(metric,), confusion=()
    )
    save(root / "evaluation" / "evaluation.json", evaluation)
    (root / "finetune_tasks").mkdir()
    steps = [{"step": step, "loss": 2.0 - step, "losses": {"tone": 1.0}} for step in range(3)]
    (root / "finetune_tasks" / "training.jsonl").write_text("\n".join(map(json.dumps, steps)) + "\n")
    candidate = Candidate(root, manifest.model_id, index.digest)
    candidate.judge()
    candidate.prove()
    return candidate


@pytest.fixture
def candidate(tmp_path) -> Candidate:
    return make_candidate(tmp_path / "candidate")


def test_registering_keeps_params_metrics_curves_lineage_and_card(candidate, named, tmp_path):
    version = candidate.register(named)
    assert version.reference == f"{named.name}/1"
    assert version.lineage == dataclasses.replace(
        RUN, model_id=candidate.model_id, index_digest=candidate.index_digest, model_version=version.reference
    )
    with connect(named) as client:
        run = client.get_run(version.mlflow_run_id)
        curve = client.get_metric_history(version.mlflow_run_id, "finetune_tasks/loss")
    assert run.data.params == {
        "name": "tiny",
        "finetune.steps": "3",
        "finetune.rates": "[0.1]",
        "finetune.tasks": "null",
    }
    assert run.data.metrics["twins/float/p_at_1/open to twin"] == 0.5
    assert [(point.step, point.value) for point in curve] == [(0, 2.0), (1, 1.0), (2, 0.0)]
    card = (fetch_version(version, tmp_path / "cache") / "README.md").read_text()
    assert "| twins/float/p_at_1/open->twin | 0.500 | 0.400 to 0.600 | 9 |" in card
    assert "No inference of identity or race" in card
    assert candidate.model_id in card


def test_the_card_cites_a_study_that_is_there(candidate, named, tmp_path):
    version = candidate.register(named, study=str(write_study(tmp_path / "study")))
    card = (fetch_version(version, tmp_path / "cache") / "README.md").read_text()
    assert "## What pretraining on weak labels is worth" in card
    assert "| default@large/vit/100% | 0.400 | +100.0% (+90.0 to +110.0) |  |" in card
    assert "this model is none of them" in card
    other = candidate.register(named, dataclasses.replace(RUN, run_id="run-2"), study=str(tmp_path / "nowhere"))
    assert "weak labels is worth" not in (fetch_version(other, tmp_path / "cache") / "README.md").read_text()


def test_registering_goes_on_in_the_run_that_the_training_logged_to(candidate, named):
    log = candidate.root / "finetune_tasks" / "training.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    log.write_text(lines[0])  # as if the server had been away for the rest
    log_curves(log, stage="finetune_tasks", run_id=RUN.run_id, is_complete=True, config=named)
    log.write_text("".join(lines))
    version = candidate.register(named)
    with connect(named) as client:
        experiment = client.get_experiment_by_name(named.name)
        [run] = client.search_runs([experiment.experiment_id])
        assert (run.info.run_id, run.data.tags["model_id"]) == (version.mlflow_run_id, candidate.model_id)
        for name, values in (("loss", [2.0, 1.0, 0.0]), ("losses.tone", [1.0, 1.0, 1.0])):
            curve = client.get_metric_history(version.mlflow_run_id, f"finetune_tasks/{name}")
            assert [(point.step, point.value) for point in curve] == list(enumerate(values))


def test_another_model_of_a_pipeline_run_does_not_touch_the_artifacts_of_the_first(candidate, named, tmp_path):
    first = candidate.register(named)
    assert make_candidate(tmp_path / "other").register(named).mlflow_run_id != first.mlflow_run_id
    fetch_version(first, tmp_path / "cache")


def test_registering_again_returns_the_version(candidate, named):
    first = candidate.register(named)
    assert candidate.register(named) == first
    assert find_challenger(named) == first
    assert candidate.register(named, dataclasses.replace(RUN, run_id="run-2")).version == "2"


def test_an_interrupted_registration_leaves_no_version_and_starts_over(candidate, named, monkeypatch):
    from mlflow.tracking import MlflowClient

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "set_terminated", lambda *_: 1 / 0)  # as if the process ended here
        with pytest.raises(ZeroDivisionError):
            candidate.register(named)
    assert find_challenger(named) is None
    version = candidate.register(named)
    with connect(named) as client:
        experiment = client.get_experiment_by_name(named.name)
        assert [run.info.run_id for run in client.search_runs([experiment.experiment_id])] == [version.mlflow_run_id]


@pytest.mark.parametrize("part", ["index", "evaluation", "verdict"])
def test_parts_of_another_model_are_refused(candidate, tmp_path, named, part):
    other = make_candidate(tmp_path / "other")
    target = {
        "index": "index/index.json",
        "evaluation": "evaluation/evaluation.json",
        "verdict": "verdict.json",
    }
    (other.root / target[part]).replace(candidate.root / target[part])
    with pytest.raises(RegistryError, match=f"the {part} is about model"):
        candidate.register(named)


def test_fetching_is_cached_and_repairs_a_damaged_copy(candidate, named, tmp_path):
    version = candidate.register(named)
    folder = fetch_version(version, tmp_path / "cache")
    weights = folder / "model" / "model.safetensors"
    changed_at = weights.stat().st_mtime_ns
    assert fetch_version(version, tmp_path / "cache") == folder
    assert weights.stat().st_mtime_ns == changed_at
    weights.write_bytes(b"damaged")
    fetch_version(version, tmp_path / "cache")
    assert digest_file(weights) == digest_file(candidate.root / "model" / "model.safetensors")
    digests = folder / "digests.json"
    whole = digests.read_bytes()
    digests.write_bytes(whole[:-3])
    with pytest.raises(RegistryError, match=r"digests\.json is not JSON .*register the model again"):
        verify_artifacts(folder, version.artifacts_digest)
    fetch_version(version, tmp_path / "cache")
    assert digests.read_bytes() == whole


def test_the_vocabulary_goes_with_the_model_and_the_labels_of_images_stay(candidate, named, mini_labels, tmp_path):
    folder = fetch_version(candidate.register(named, labels=mini_labels), tmp_path / "cache") / "labels"
    tables = {"vocabulary.parquet", "dictionary.parquet", "members.parquet"}
    assert {path.name for path in folder.iterdir()} == {"labels.json", *tables}
    assert open_labels(folder).vocabulary().equals(open_labels(mini_labels).vocabulary())


def test_artifacts_changed_in_the_store_are_refused(candidate, named, tmp_path):
    version = candidate.register(named)
    with connect(named) as client:
        store = Path(client.get_run(version.mlflow_run_id).info.artifact_uri.removeprefix("file://"))
    (store / "index" / "index.usearch").write_bytes(b"other codes")
    with pytest.raises(RegistryError, match=r"index\.usearch is changed"):
        fetch_version(version, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_promotion_moves_model_and_index_and_remembers_the_champion_before(candidate, named, tmp_path):
    assert find_champion(named) is None
    first = candidate.register(named)
    assert find_champion(named) is None
    release = candidate.promote(first, named)
    assert (release.version, release.previous) == (first, None)
    assert find_champion(named) == first
    other = make_candidate(tmp_path / "other")
    other.judge(champion=first.reference)
    second = other.register(named)
    release = other.promote(second, named)
    assert release.previous == first.reference
    assert find_champion(named).index_digest == other.index_digest
    assert other.promote(second, named) == release


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda it: it.judge("rejected"), "is not blessed"),
        (lambda it: it.judge("inconclusive"), "is not blessed"),
        (lambda it: it.prove(is_passed=False), "is not proven"),
        (lambda it: it.judge(champion="vitrail/9"), "was compared with vitrail/9"),
        (lambda it: setattr(it, "model_id", "x") or it.judge(), "the verdict is about model x"),
        (lambda it: setattr(it, "index_digest", "x") or it.prove(), "the serving report is about"),
    ],
    ids=["rejected", "inconclusive", "unproven", "stale", "other-model", "other-index"],
)
def test_without_proof_the_alias_stays(candidate, named, tmp_path, spoil, reason):
    version = candidate.register(named)
    spoil(candidate)
    with pytest.raises(RegistryError, match=reason):
        candidate.promote(version, named)
    assert find_champion(named) is None


def test_a_registry_that_cannot_be_opened_says_where(tmp_path):
    (tmp_path / "mlflow.db").write_bytes(b"this is no database")
    with pytest.raises(RegistryError, match=r"mlflow\.db refuses"):
        find_champion(RegistryConfig(tracking_uri=f"sqlite:///{tmp_path}/mlflow.db"))


@pytest.mark.parametrize(
    "fields",
    [
        {"tracking_uri": "./mlruns"},
        {"tracking_uri": "https://me:secret@host"},
        {"name": "a b"},
        {"name": "x-promotions"},
    ],
)
def test_unusable_settings_are_refused(fields):
    with pytest.raises(ConfigError) as error:
        RegistryConfig(**fields)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("sqlite:///mlflow.db", "sqlite:////volume/mlflow.db"),
        ("sqlite:///registry/mlflow.db", "sqlite:////volume/registry/mlflow.db"),
        ("sqlite:////elsewhere/mlflow.db", "sqlite:////elsewhere/mlflow.db"),
        ("http://mlflow:5000", "http://mlflow:5000"),
    ],
)
def test_a_relative_database_is_taken_from_the_folder_that_is_named(uri, expected):
    assert RegistryConfig(tracking_uri=uri).inside("/volume") == RegistryConfig(tracking_uri=expected)


def test_artifacts_lie_beside_the_database_wherever_the_process_is(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    config = RegistryConfig(name="vitrail-x").inside(str(tmp_path / "volume"))
    with connect(config) as client:
        location = client.get_experiment(find_experiment(client, config)).artifact_location
    assert location == (tmp_path / "volume" / "mlruns" / "vitrail-x").as_uri()
    assert (tmp_path / "volume" / "mlflow.db").exists()
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.fixture
def moved(candidate, named, tmp_path):
    """A clone's registry with one version, copied from a place that is still there, and then moved to another."""
    candidate.register(named)
    shutil.copytree(Path(named.database).parent, tmp_path / "copy")
    copied = RegistryConfig(name=named.name).inside(str(tmp_path / "copy"))
    fetch_version(find_challenger(copied), tmp_path / "of the copy")
    (tmp_path / "copy").rename(tmp_path / "mein Klon, größer")
    return RegistryConfig(name=named.name).inside(str(tmp_path / "mein Klon, größer"))


def artifact_addresses(config):
    with connect(config) as client:
        version = client.get_model_version_by_alias(config.name, "challenger")
        run = client.get_run(version.run_id)
        experiment = client.get_experiment(run.info.experiment_id)
    return experiment.artifact_location, run.info.artifact_uri, version.source


def test_a_moved_registry_has_its_artifacts(moved, tmp_path):
    folder = fetch_version(find_challenger(moved), tmp_path / "cache")
    assert (folder / "model" / "model.safetensors").exists()
    location, run, source = artifact_addresses(moved)
    assert location == (Path(moved.database).parent / "mlruns" / moved.name).as_uri()
    assert source == run
    assert run.startswith(location)


def test_a_moved_registry_takes_new_versions_where_it_is(moved, named, tmp_path):
    before = artifact_addresses(named), sorted(Path(named.database).parent.rglob("*"))
    version = make_candidate(tmp_path / "other").register(moved)
    store = Path(moved.database).parent / "mlruns" / moved.name / version.mlflow_run_id
    assert (store / "artifacts" / "digests.json").exists()
    assert not (tmp_path / "copy").exists()
    assert (artifact_addresses(named), sorted(Path(named.database).parent.rglob("*"))) == before


def test_a_database_moved_without_its_artifacts_still_reads_them_where_they_are(candidate, named, tmp_path):
    version = candidate.register(named)
    shutil.copyfile(named.database, tmp_path / "mlflow.db")
    alone = RegistryConfig(name=named.name).inside(str(tmp_path))
    assert find_challenger(alone).artifacts_digest == version.artifacts_digest
    fetch_version(find_challenger(alone), tmp_path / "cache")


@pytest.mark.parametrize("run_id", ["Bob's run", 'a "b"', "a\\b"])
def test_a_run_id_that_a_filter_cannot_hold_is_refused(candidate, named, run_id):
    with pytest.raises(RegistryError, match="has a quote or a backslash"):
        candidate.register(named, dataclasses.replace(RUN, run_id=run_id))


@pytest.mark.registry
def test_a_new_registry_may_be_opened_by_several_at_once(tmp_path):
    """Two first runs in a fresh clone; a process of MLflow alone fails with "duplicate column name"."""
    config = RegistryConfig().inside(str(tmp_path))
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert pool.map(find_champion, [config] * 3, chunksize=1) == [None] * 3
