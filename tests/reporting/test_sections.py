"""What each section of a report says; those of labels have a file of their own."""

import dataclasses
import json
import shutil

from builders.report_pages import publish
from builders.reported_runs import (
    NUM_NEIGHBOURS,
    NUM_QUERIES,
    PIPELINE,
    record,
    write_looks,
    write_training,
)
from vitrail.contracts.codec import read, write
from vitrail.contracts.files import write_json
from vitrail.contracts.verdict import Verdict
from vitrail.corpus import open_corpus
from vitrail.reporting.artifacts import read_evaluation
from vitrail.reporting.run import read_run


def test_the_verdict_and_its_gates_are_on_top(page):
    section = page.section("outcome")
    assert "Blessed" in section
    for expected in ("concept/float/p_at_1", "skin_tone/macro_recall", "≥ 0.000", "≥ -5.000", "vitrail/7"):
        assert expected in section
    assert page.source.index("Blessed") < page.source.index('id="retrieval"')


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
        *("P@1", "P@5", "P@10", "R@10", "CMC@10", "mAP", "nDCG"),
    ):
        assert expected in section


def test_the_verdict_says_what_the_split_tells_and_what_has_no_threshold(page):
    section = page.section("outcome")
    assert "this split tells differences of 0." in section
    for unguarded in ("Task category (classification) has no threshold", "Cost system/latency_ms has no threshold"):
        assert unguarded in section


def test_probabilities_are_drawn_beside_the_diagonal(page, run):
    section = page.section("classification")
    for task in ("skin_tone", "category"):
        assert f"Calibration of {task}" in section
    assert "Expected calibration error" in section
    report = read_evaluation(read_run(run, PIPELINE))
    traces = [trace for script in page.scripts[:-2] for trace in json.loads(script)["data"]]
    assert ([0, 1], [0, 1]) in [(trace["x"], trace["y"]) for trace in traces]
    for found in report.reliability:
        drawn = [item.mean_probability for item in found.bins]
        assert drawn in [trace["x"] for trace in traces]


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


def test_a_first_model_has_no_champion_column(copied, tmp_path):
    alone = tmp_path / "evaluation"
    shutil.copytree(read_run(copied, PIPELINE).artifact("evaluate_model", "challenger"), alone / "challenger")
    record(copied, "evaluate_model", alone)
    section = publish(copied).section("classification")
    assert "Champion" not in section


def test_a_rejected_model_says_why(copied, tmp_path):
    verdict = read(Verdict, read_run(copied, PIPELINE).artifact("gate_model"))
    check = dataclasses.replace(
        verdict.checks[0], outcome="fail", challenger=None, low=None, high=None, reason="was not measured"
    )
    write(tmp_path / "verdict", dataclasses.replace(verdict, status="rejected", checks=(check,)))
    record(copied, "gate_model", tmp_path / "verdict")
    section = publish(copied).section("outcome")
    assert "Rejected" in section
    assert "was not measured" in section
