"""The study that a recipe names is found from any folder, or said to be absent."""

import logging

import pytest

from builders.studies import report_of, result_of, write_study
from vitrail.contracts import study
from vitrail.contracts.codec import write
from vitrail.contracts.study import find_study
from vitrail.errors import StudyError


def test_a_relative_study_is_of_the_clone_and_not_of_the_folder_of_the_task(tmp_path, monkeypatch):
    clone, task = tmp_path / "clone", tmp_path / "task"
    report = report_of(result_of("none", 0.2))
    write(clone / "docs" / "study", report)
    write(task / "docs" / "study", report_of(result_of("none", 0.9)))
    monkeypatch.chdir(task)
    monkeypatch.setattr(study, "_REPOSITORY", clone)
    assert find_study("docs/study") == report


def test_an_absolute_study_is_where_it_says(tmp_path):
    assert find_study(str(write_study(tmp_path))) is not None


def test_an_absent_study_is_a_line_in_the_log(tmp_path, caplog):
    caplog.set_level(logging.INFO, "vitrail")
    assert find_study(None) is None
    assert not caplog.messages
    assert find_study(str(tmp_path / "nowhere")) is None
    [said] = caplog.messages
    assert f"{tmp_path / 'nowhere'} has none: nothing is cited" in said


def test_a_damaged_study_is_refused(tmp_path):
    (write_study(tmp_path) / "study.json").write_text("{")
    with pytest.raises(StudyError, match="not JSON"):
        find_study(str(tmp_path))
