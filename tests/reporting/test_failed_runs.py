"""Reports of runs that failed, were killed or lost files."""

import shutil

import pytest

from builders.report_pages import publish
from builders.reported_runs import NUM_EXAMPLES, PIPELINE, SECTIONS, record, write_validation
from vitrail.reporting.run import read_run


def test_a_failed_run_has_its_failure_on_top(run, copied):
    for step in PIPELINE[2:]:
        (copied / "steps" / f"{step}.json").unlink()
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
