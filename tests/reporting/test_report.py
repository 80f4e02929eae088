"""The report of a real run folder: every section, every picture; and of runs that failed or lost files."""

import dataclasses
import json
import re
import shutil
from collections import Counter
from html.parser import HTMLParser

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from builders.studies import write_study
from vitrail.contracts.codec import encode, save
from vitrail.contracts.files import write_json
from vitrail.contracts.lineage import Lineage
from vitrail.contracts.models import Architecture, HeadSpec, Transforms
from vitrail.contracts.runs import StepRecord
from vitrail.contracts.serving import ServingCheck, ServingReport
from vitrail.contracts.validation import ExpectationResult, FailingRows, SuiteResult, ValidationReport
from vitrail.corpus import open_corpus
from vitrail.errors import LabelError
from vitrail.evaluation import EvaluationConfig, evaluate_model
from vitrail.gates import ChangeThreshold, GateConfig, ValueThreshold, gate_model
from vitrail.labels import diff_labels, measure_coverage, open_labels
from vitrail.models import VitrailModel, save_model
from vitrail.recipes import find_recipe
from vitrail.reporting import publish_audit, publish_report
from vitrail.reporting.clusters import Cluster, Member, suspects
from vitrail.reporting.run import read_run
from vitrail.steps.table import step_names
from vitrail.training import HARDWARE, CorpusNumbers, PlanReview, Taken, plan_training

TRUNK = Architecture(
    name="vit_tiny_patch16_224", options={"patch_size": 8, "embed_dim": 32, "depth": 1, "num_heads": 2}
)
SECTIONS = (
    *("outcome", "retrieval", "classification", "slices", "labels", "examples"),
    *("training", "study", "validation", "costs", "lineage", "timing", "environment"),
)
PIPELINE = step_names("always", "blessed")
NUM_QUERIES, NUM_NEIGHBOURS, NUM_EXAMPLES = 6, 4, 12


class Page(HTMLParser):
    """What a browser would make of the page, as far as the tests ask."""

    def __init__(self, path):
        super().__init__()
        self.text, self.tags, self.scripts, self._open = "", [], [], []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self._open.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data):
        if "script" in self._open:
            self.scripts[-1] += data
        elif "style" not in self._open:
            self.text += data

    def all(self, tag, **attributes):
        return [
            found
            for name, found in self.tags
            if name == tag and all(found.get(key) == value for key, value in attributes.items())
        ]

    def section(self, anchor):
        """The source of one section."""
        return re.search(rf'<section id="{anchor}".*?</section>', self.source, re.DOTALL).group(0)


def write_model(folder, corpus, seed):
    heads = [
        HeadSpec(name=task.name, kind="classification", dim=len(task.classes), classes=task.classes)
        for task in open_corpus(corpus).manifest.tasks
        if task.kind == "classification"
    ]
    torch.manual_seed(seed)
    model = VitrailModel(
        TRUNK, Transforms(image_size=32), [*heads, HeadSpec(name="embedding", kind="retrieval", dim=32)]
    )
    save_model(folder, model, Lineage(run_id="test"))
    return folder


def write_features(folder, corpus):
    opened = open_corpus(corpus)
    (folder / "training_sets").mkdir(parents=True)
    for task in opened.manifest.tasks:
        labels = opened.task_labels(task.name)
        rows = np.arange(labels.num_rows)
        columns = {
            "num_signals": pa.array(rows % 7),
            "language": pa.array(np.where(rows % 2, "en", "de").tolist()),
        }
        for name, column in columns.items():
            labels = labels.append_column(name, column)
        pq.write_table(labels, folder / "training_sets" / f"{task.name}.parquet")
    return folder


def write_training(folder, tasks):
    folder.mkdir()
    lines = [
        {
            "step": step,
            "loss": 4.0 / step,
            "losses": dict.fromkeys(tasks, 2.0 / step),
            "learning_rate": 0.001 / step,
            "images_per_s": 200.0 + step,
            "data_wait_share": 0.1,
            "grad_norm": 1.5,
            "memory_bytes": 123e6,
            "seconds": step / 2,
        }
        for step in range(1, 30)
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "training.jsonl").write_text(text + '{"step": 30, "lo')  # what a kill leaves behind
    return folder


def write_looks(folder, last_right=0.162, last_rank=9.8):
    """Looks at the features, before the first step and later, among the lines of a training."""
    path = folder / "training.jsonl"
    looks = [(0, 0.044, 15.0), (14, 0.1, 12.0), (28, last_right, last_rank)]
    lines = [
        json.dumps(
            {
                "step": step,
                "probe": {"num_images": 537, "effective_rank": rank, "nearest": {"concept": right}, "seconds": 0.5}
                | ({} if step else {"is_untrained": True}),
            }
        )
        for step, right, rank in looks
    ]
    first, *rest = lines
    path.write_text("\n".join([first, *path.read_text().splitlines()[:-1], *rest]) + "\n")
    return folder


def write_plan(folder):
    """A pretraining that was planned, and took half as long again."""
    hardware = HARDWARE["cpu"]
    numbers = CorpusNumbers(num_images=640, bytes_per_image=5000, num_labels=50, labels_per_image=4)
    recipe = find_recipe("debug")
    plan = plan_training(recipe.pretrain, numbers, hardware)
    taken = {field.name: (3.0, 4.5) for field in dataclasses.fields(Taken)}
    taken |= dict.fromkeys(("bytes_read", "checkpoint_bytes"), (7000000, 9000000))
    whole = dict.fromkeys(("num_steps", "label_rows", "label_values"), (2000, 2000))
    save(
        folder / "plan.json",
        PlanReview(hardware=hardware, numbers=numbers, plan=plan, taken=Taken(**taken | whole)),
    )
    return folder


def write_validation(folder, success=True):
    expectations = [
        ExpectationResult(
            expectation="expect_column_values_to_not_be_null",
            column="text",
            claim="every text is there",
            severity="critical",
            success=success,
            observed="2 of 100 rows",
            failing=() if success else (FailingRows(file="signals/0.parquet", observed="2", rows=("bad-image",)),),
        )
    ]
    report = ValidationReport(
        validation_id="v" * 64,
        corpus_digest="c" * 64,
        labels_digest="l" * 64,
        config_digest="d" * 64,
        baseline_digest=None,
        success=success,
        results=(SuiteResult(suite="signals", success=success, note="", expectations=tuple(expectations)),),
    )
    save(folder / "validation.json", report)
    (folder / "data_docs").mkdir()
    (folder / "data_docs" / "index.html").write_text("<p>docs</p>")
    return folder


def write_serving(folder):
    check = ServingCheck(name="embeddings", is_passed=True, value=1e-7, limit=1e-5, detail="largest difference")
    report = ServingReport(
        model_id="m" * 64,
        index_digest="i" * 64,
        bundle_digest="b" * 64,
        lineage=Lineage(run_id="test"),
        checks=(check,),
        num_images=20,
        num_requests=200,
        num_errors={},
        p50_ms=11.5,
        p99_ms=20.25,
        num_clients=8,
        loaded_p50_ms=30.5,
        loaded_p99_ms=60.5,
        images_per_s=123.0,
    )
    save(folder / "serving.json", report)
    return folder


LINEAGE = {
    "checkout_corpus": {"git_revision": "0123456789abcdef"},
    "finetune_tasks": {"model_id": "m" * 64},
    "register_model": {"model_version": "vitrail/8"},
}


def record(run, step, artifact=None, *, status="succeeded", error=None, seconds=1.5, lineage=None):
    position = PIPELINE.index(step)
    entry = StepRecord(
        step=step,
        status=status,
        started_at=f"2026-11-24T04:{position:02d}:00+00:00",
        seconds=seconds,
        is_reused=step == "checkout_corpus",
        artifact=str(artifact) if artifact else None,
        digest=None,
        lineage=LINEAGE.get(step, {}) if lineage is None else lineage,
        error=error,
    )
    save(run / "steps" / f"{step}.json", entry)


def write_run(root, corpus, labels):
    """A run folder as the pipeline leaves it, with real artifacts."""
    run = root / "runs" / "20261124-040000"
    evaluation, features = root / "evaluation", write_features(root / "features", corpus)
    config = EvaluationConfig(
        num_resamples=100,
        min_slice_units=5,
        num_pictured_queries=NUM_QUERIES,
        num_pictured_neighbours=NUM_NEIGHBOURS,
    )
    for seed, name in enumerate(("challenger", "champion")):
        model = write_model(root / f"model-{name}", corpus, seed)
        evaluate_model(corpus=corpus, model=model, features=features, out=evaluation / name, config=config)
    verdict = gate_model(
        challenger=evaluation / "challenger",
        champion=evaluation / "champion",
        champion_version="vitrail/7",
        config=GateConfig(
            values=(ValueThreshold(metric="concept/float/p_at_1", limit=0.0),),
            changes=(ChangeThreshold(metric="skin_tone/macro_recall", margin=5.0),),
            min_groups=2,
        ),
    )
    save(run / "verdict.json", verdict)
    study = write_study(root / "study")
    write_json(run / "recipe.json", {"name": "emoji", "labels": {"top_k": 8}, "study": str(study)})
    artifacts = {
        "checkout_corpus": corpus,
        "derive_labels": labels,
        "validate_data": write_validation(root / "validation"),
        "materialize_features": features,
        "pretrain_backbone": write_plan(write_looks(write_training(root / "backbone", ["annotations"]))),
        "finetune_tasks": write_training(root / "model", ["skin_tone", "category"]),
        "evaluate_model": evaluation,
        "validate_endpoint": write_serving(root / "serving"),
    }
    for step in PIPELINE:
        record(run, step, artifacts.get(step))
    return run


@pytest.fixture(scope="module")
def run(mini_corpus, mini_labels, tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("report"), mini_corpus, mini_labels)


@pytest.fixture(scope="module")
def page(run):
    publish_report(run, run / "report.html", PIPELINE)
    return Page(run / "report.html")


@pytest.fixture
def copied(run, tmp_path):
    """A copy of the run folder, to damage."""
    return shutil.copytree(run, tmp_path / "runs" / run.name)


def publish(run):
    publish_report(run, run / "out.html", PIPELINE)
    return Page(run / "out.html")


def test_every_section_is_there_with_its_content(page):
    assert [found["id"] for found in page.all("section")] == list(SECTIONS)
    assert "could not be written" not in page.text
    assert "This section needs" not in page.text
    assert [found["href"] for found in page.all("a")][1 : 1 + len(SECTIONS)] == [f"#{name}" for name in SECTIONS]


def test_the_verdict_and_its_gates_are_on_top(page):
    section = page.section("outcome")
    assert "Blessed" in section
    for expected in ("concept/float/p_at_1", "skin_tone/macro_recall", "≥ 0.000", "≥ -5.000", "vitrail/7"):
        assert expected in section
    assert page.source.index("Blessed") < page.source.index('id="retrieval"')


def test_every_picture_is_there(page):
    images = page.all("img")
    num_label_pictures = page.section("labels").count("<img ")
    assert num_label_pictures > 60
    assert len(images) == NUM_QUERIES * (1 + NUM_NEIGHBOURS) + NUM_EXAMPLES + num_label_pictures
    assert all(image["src"].startswith("data:image/webp;base64,") for image in images)
    assert all(image["alt"] for image in images)
    assert "no picture" not in page.source


def test_labels_are_shown_by_band_with_what_they_merge_and_what_was_left_out(page, mini_labels):
    section = page.section("labels")
    for expected in ("From the head", "From the mid", "From the tail", "Merged, most terms", "Merged, least close"):
        assert expected in section
    dictionary = open_labels(mini_labels).dictionary().to_pylist()
    assert all(reason.replace("_", " ") in section for reason in {row["reason"] for row in dictionary} - {None})
    [(reason, _)] = Counter(row["reason"] for row in dictionary if row["reason"]).most_common(1)
    left_out = sorted((-row["num_images"], row["term"]) for row in dictionary if row["reason"] == reason)
    assert f"<bdi>{left_out[0][1]}</bdi>" in section
    assert "Since the champion" not in section


def test_coverage_stands_in_the_report_and_in_the_audit(page, run, mini_labels):
    coverage = measure_coverage(open_labels(mini_labels))
    for text in (page.section("labels"), (run / "clusters" / "index.html").read_text()):
        assert f"{coverage.specific:.1%}" in text
        assert f"{coverage.labels_per_image:.2f}" in text
    traces = [trace for script in page.scripts[:-2] for trace in json.loads(script)["data"]]
    assert list(coverage.rarest_labels) in [trace["x"] for trace in traces]
    assert list(coverage.num_labels_by_name.values()) in [trace["x"] for trace in traces]
    meters = Page(run / "clusters" / "index.html").all("meter")
    assert len(meters) == len(coverage.rarest_labels) + len(coverage.num_labels_by_name)


def test_labels_that_moved_since_the_champion_are_counted(copied, mini_labels, tmp_path):
    labels = shutil.copytree(mini_labels, tmp_path / "labels")
    old = open_labels(mini_labels)
    save(labels / "diff.json", dataclasses.replace(diff_labels(old, old), churn=0.125, lost=(1, 2, 3)))
    record(copied, "derive_labels", labels)
    section = publish(copied).section("labels")
    assert "Since the champion" in section
    assert "12.5%" in section


def test_audit_pages_show_every_term_with_its_images(page, run, mini_labels):
    assert 'href="clusters/index.html"' in page.section("labels")
    index = Page(run / "clusters" / "index.html")
    links = [found["href"] for found in index.all("a")]
    assert 10 < len(links) == len(set(links))
    members = open_labels(mini_labels).members().to_pylist()
    for link in links[:3]:
        audit = Page(run / "clusters" / link)
        terms = [row for row in members if row["label_id"] == int(link.removesuffix(".html"))]
        assert len(terms) > 1
        assert all(row["term"] in audit.text and row["language"] in audit.text for row in terms[:12])
        assert audit.all("img")
        assert all(image["src"].startswith("data:image/webp;base64,") for image in audit.all("img"))


def test_labels_that_are_joined_on_purpose_are_audited_last():
    def merged(label_id, level, closeness):
        members = tuple(Member(term=term, language="en", num_images=2, closeness=closeness) for term in "ab")
        return Cluster(label_id=label_id, term="a", frequency=4, band="tail", level=level, members=members)

    found = suspects([merged(1, 1, 0.0), merged(2, 0, 0.9), merged(3, 0, 0.4)], 3)
    assert [cluster.label_id for cluster in found] == [3, 2, 1]


def test_labels_of_a_sampled_dictionary_are_not_compared(copied, page, tmp_path):
    assert "do not compare" not in page.section("labels")
    sampled = shutil.copytree(read_run(copied, PIPELINE).artifact("derive_labels"), tmp_path / "sampled")
    manifest = json.loads((sampled / "labels.json").read_text())
    (sampled / "labels.json").write_text(json.dumps({**manifest, "is_sampled": True}))
    record(copied, "derive_labels", sampled)
    section = publish(copied).section("labels")
    assert "do not compare" in section


def test_any_label_can_be_audited(mini_corpus, mini_labels, tmp_path):
    label_id = open_labels(mini_labels).vocabulary()["label_id"][0].as_py()
    publish_audit(mini_corpus, mini_labels, tmp_path / "audit", [label_id])
    assert {path.name for path in (tmp_path / "audit").iterdir()} == {"index.html", f"{label_id}.html"}
    with pytest.raises(LabelError, match="has no label 5;"):
        publish_audit(mini_corpus, mini_labels, tmp_path / "none", [5])
    shutil.copytree(mini_corpus / "index", tmp_path / "other" / "index")
    text = (mini_corpus / "corpus.json").read_text()
    digest = open_labels(mini_labels).manifest.corpus_digest
    (tmp_path / "other" / "corpus.json").write_text(text.replace(digest, "0" * 64))
    with pytest.raises(LabelError, match="derived from another corpus"):
        publish_audit(tmp_path / "other", mini_labels, tmp_path / "none", [label_id])


def test_matches_and_misses_are_told_without_colour(page):
    section = page.section("retrieval")
    hits, misses = section.count('<figure class="hit">'), section.count('<figure class="miss">')
    assert hits + misses == NUM_QUERIES * NUM_NEIGHBOURS
    assert section.count(", match, similarity") == hits
    assert section.count(", miss, similarity") == misses


def test_both_directions_and_both_embeddings_are_tabled(page):
    section = page.section("retrieval")
    for expected in (
        "openmoji → twemoji",
        "twemoji → openmoji",
        "float",
        "binary",
        "float query, binary gallery",
        "Float queries on binary codes keep",
        "a random order",
        "champion",
    ):
        assert expected in section


def test_confusion_matrices_have_every_class(page, mini_corpus):
    section = page.section("classification")
    for task in open_corpus(mini_corpus).manifest.tasks:
        for name in task.classes:
            assert f"<span>{name.replace('&', '&amp;')}</span>" in section
    assert "Recall gap" in section


def test_charts_are_data_with_words_and_numbers(page):
    charts = [json.loads(script) for script in page.scripts[:-2]]
    assert len(charts) == len(page.all("figure", **{"class": "chart"})) >= 10
    assert all(chart["data"] and "layout" in chart for chart in charts)
    plots = page.all("div", role="img")
    assert len(plots) == len(charts)
    assert all(plot["aria-label"] for plot in plots)


def test_training_curves_show_every_task(page):
    names = {trace.get("name") for script in page.scripts[:-2] for trace in json.loads(script)["data"]}
    assert {"all tasks", "skin_tone", "category", "learning rate"} <= names
    assert {"images per second", "gradient norm"} <= names
    assert {"before clustering", "after clustering"} <= names


def test_features_are_shown_from_the_untrained_trunk_on(page):
    section = page.section("training")
    assert "4.4% → 16.2%" in section
    assert "15.0 → 9.8" in section
    assert "worse than" not in section
    traces = [trace for script in page.scripts[:-2] for trace in json.loads(script)["data"]]
    assert ([0, 14, 28], [0.044, 0.1, 0.162]) in [(trace["x"], trace["y"]) for trace in traces]
    assert ([0, 14, 28], [15.0, 12.0, 9.8]) in [(trace["x"], trace["y"]) for trace in traces]


def test_a_pretraining_that_harmed_says_so(copied, tmp_path):
    record(copied, "pretrain_backbone", write_looks(write_training(tmp_path / "backbone", ["a"]), 0.012, 4.5))
    section = publish(copied).section("training")
    assert "Pretraining made the features worse than untrained for concept" in section
    assert "The features collapsed" in section


def test_the_plan_stands_beside_what_was_taken(page):
    section = page.section("training")
    for text in (
        "Plan of the pretraining",
        "device-hours",
        "4.500",
        "images read, MB",
        "9.00",
        "peak memory",
        "123 MB",
    ):
        assert text in section


def test_the_study_that_the_recipe_names_is_cited(page, copied):
    section = page.section("study")
    for text in ("default@large/vit/100%", "0.400", "64,000", "What pretraining adds", "Error by the size", "below 8%"):
        assert text in section
    write_json(copied / "recipe.json", {"name": "emoji", "study": "nowhere"})
    assert "This section needs a study that the recipe names" in publish(copied).section("study")


def test_validation_links_to_data_docs_from_where_the_page_lies(page, run):
    link = next(found["href"] for found in page.all("a") if found["href"].endswith("data_docs/index.html"))
    assert (run / link).resolve().is_file()


def test_lineage_timing_and_endpoint(page):
    assert "0123456789abcdef" in page.section("lineage")
    assert "vitrail/8" in page.section("lineage")
    assert "m" * 64 in page.section("lineage")
    assert "not reached" in page.section("lineage")
    assert all(step in page.section("timing") for step in PIPELINE)
    assert "reused" in page.section("timing")
    assert "11.5 / 20.2 ms" in page.section("costs")
    assert "top_k" in page.section("environment")


def test_nothing_comes_from_the_network(page):
    assert len(page.all("meta", **{"http-equiv": "Content-Security-Policy"})) == 1
    assert not page.all("link")
    assert not page.all("iframe")
    assert not any("src" in found for found in page.all("script"))
    assert not re.search(r"url\(", page.source[: page.source.index("</style>")])


def test_publishing_again_gives_the_same_page(run, page, tmp_path):
    publish_report(run, tmp_path / "again.html", PIPELINE)
    again = (tmp_path / "again.html").read_text(encoding="utf-8")
    link = re.compile(r'href="[^"#]*data_docs/index.html"|\d{4}-\d\d-\d\d \d\d:\d\d UTC')
    assert link.sub("", again) == link.sub("", page.source)


def test_a_failed_run_has_its_failure_on_top(run, copied):
    for step in PIPELINE[2:]:
        (copied / "steps" / f"{step}.json").unlink()
    (copied / "verdict.json").unlink()
    failed = write_validation(copied / "failed" / "validate_data", success=False)
    error = "DataValidationError: 2 texts are null in signals/0.parquet; write them again and build the corpus"
    record(copied, "validate_data", failed, status="failed", error=error)
    page = publish(copied)
    section = page.section("outcome")
    assert "Failed at validate_data" in section
    assert error in section
    assert "<b>What to do</b> Write them again and build the corpus." in section
    assert "bad-image" in page.section("validation")
    assert "evaluate_model did not run" in page.section("retrieval")
    assert "pretrain_backbone did not run" in page.section("training")
    shown = NUM_EXAMPLES + page.section("labels").count("<img ")
    assert len(page.all("img")) == shown > NUM_EXAMPLES  # what was reached is still shown
    assert [found["id"] for found in page.all("section")] == list(SECTIONS)


def test_a_failure_after_the_verdict_shows_both(copied):
    record(copied, "validate_endpoint", status="failed", error="ServingError: p99 is 900 ms; raise the budget")
    section = publish(copied).section("outcome")
    assert "Failed at validate_endpoint" in section
    assert "Blessed" in section
    assert "skin_tone/macro_recall" in section


def test_an_empty_run_folder_still_has_a_page(tmp_path):
    run = tmp_path / "runs" / "nothing"
    run.mkdir(parents=True)
    page = publish(run)
    assert [found["id"] for found in page.all("section")] == list(SECTIONS)
    assert "Unfinished" in page.section("outcome")
    assert "derive_labels did not run" in page.section("labels")


def test_a_killed_step_is_said_to_be_interrupted(copied):
    record(copied, "finetune_tasks", status="running")
    assert "interrupted or under way: finetune_tasks" in publish(copied).text


def test_artifacts_may_be_relative_to_the_run(copied):
    shutil.copytree(read_run(copied, PIPELINE).artifact("validate_data"), copied / "artifacts" / "validation")
    record(copied, "validate_data", "artifacts/validation")
    assert "No critical expectation failed" in publish(copied).section("validation")


@pytest.mark.parametrize(
    ("step", "file", "sections"),
    [
        ("evaluate_model", "challenger/evaluation.json", ("retrieval", "classification", "slices")),
        ("derive_labels", "labels.json", ("labels", "examples")),
        ("validate_data", "validation.json", ("validation",)),
    ],
)
def test_a_damaged_artifact_costs_its_sections_only(copied, step, file, sections, tmp_path):
    broken = shutil.copytree(read_run(copied, PIPELINE).artifact(step), tmp_path / "broken")
    (broken / file).write_text('{"half": ')
    record(copied, step, broken)
    page = publish(copied)
    for name in SECTIONS:
        assert ("could not be written" in page.section(name)) == (
            name in sections or (name == "costs" and step == "evaluate_model")
        )


def test_a_damaged_step_record_is_read_as_missing(copied):
    (copied / "steps" / "derive_labels.json").write_text("{")
    (copied / "recipe.json").write_text("[]")
    page = publish(copied)
    assert "derive_labels did not run" in page.section("labels")
    assert "kept no recipe" in page.section("environment")


EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def test_text_of_users_stays_text(run, copied, mini_corpus, mini_labels, tmp_path):
    corpus = shutil.copytree(mini_corpus, tmp_path / "corpus")
    for path in sorted((corpus / "signals").glob("*.parquet")):
        table = pq.read_table(path)
        evil = pa.array([EVIL] * len(table), pa.string())
        table = table.set_column(table.schema.get_field_index("text"), "text", evil)
        pq.write_table(table.set_column(table.schema.get_field_index("source"), "source", evil), path)
    labels = shutil.copytree(mini_labels, tmp_path / "labels")
    vocabulary = pq.read_table(labels / "vocabulary.parquet")
    terms = pa.array([EVIL] * len(vocabulary), pa.string())
    pq.write_table(vocabulary.set_column(1, "term", terms), labels / "vocabulary.parquet")
    training = write_training(tmp_path / "training", [EVIL, "b"])
    record(copied, "checkout_corpus", corpus)
    record(copied, "derive_labels", labels)
    record(copied, "finetune_tasks", training)
    record(copied, "promote_model", status="failed", error=EVIL, lineage={"bento": EVIL})
    write_json(copied / "recipe.json", {"name": EVIL})
    page = publish(copied)
    assert not any(attribute.startswith("on") for _, found in page.tags for attribute in found)
    assert all(image["src"].startswith("data:image/webp") for image in page.all("img"))
    charts = len(page.all("figure", **{"class": "chart"}))
    assert len(page.all("script")) == charts + 2
    assert len(page.all("script", type="application/json")) == charts
    assert page.text.count("alert(1)") > NUM_QUERIES + NUM_EXAMPLES  # shown, as text
    assert all("alert" not in script for script in page.scripts[-2:])
    names = {trace.get("name") for script in page.scripts[:-2] for trace in json.loads(script)["data"]}
    assert not any(name and "<" in name for name in names)  # plotly reads markup in labels


def test_a_first_model_has_no_champion_column(copied, tmp_path):
    alone = tmp_path / "evaluation"
    shutil.copytree(read_run(copied, PIPELINE).artifact("evaluate_model", "challenger"), alone / "challenger")
    record(copied, "evaluate_model", alone)
    section = publish(copied).section("classification")
    assert "Champion" not in section


def test_a_rejected_model_says_why(copied):
    from vitrail.contracts.codec import load
    from vitrail.contracts.verdict import Verdict

    verdict = load(Verdict, copied / "verdict.json")
    check = dataclasses.replace(
        verdict.checks[0], outcome="fail", challenger=None, low=None, high=None, reason="was not measured"
    )
    write_json(copied / "verdict.json", encode(dataclasses.replace(verdict, status="rejected", checks=(check,))))
    section = publish(copied).section("outcome")
    assert "Rejected" in section
    assert "was not measured" in section
