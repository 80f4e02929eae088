"""A run and its report. Copy the run before damaging it."""

import shutil

import pytest

from builders.report_pages import Page
from builders.reported_runs import PIPELINE, write_run
from vitrail.reporting import publish_report


@pytest.fixture(scope="session")
def run(mini_corpus, mini_labels, tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("report"), mini_corpus, mini_labels)


@pytest.fixture(scope="session")
def page(run):
    publish_report(run, run / "report.html", PIPELINE)
    return Page(run / "report.html")


@pytest.fixture
def copied(run, tmp_path):
    """A copy of the run folder, to damage."""
    return shutil.copytree(run, tmp_path / "runs" / run.name)
