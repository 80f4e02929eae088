"""A run's id is generated; what somebody types names a run that exists, or nothing at all."""

import pytest

from components.__main__ import main
from vitrail.errors import ConfigError
from vitrail.steps import Workspace, last_run_by_hand, new_run_id

TYPED = ["../escaped", "/elsewhere", "Bob's run", "a b", "", ".", "..", "latest", "store", "versions", "x" * 70, "ä1"]


@pytest.mark.parametrize("run_id", TYPED)
def test_a_typed_name_is_no_run(tmp_path, run_id):
    with pytest.raises(ConfigError, match="is no run id"):
        Workspace(tmp_path, run_id)


@pytest.mark.parametrize("run_id", ["3f0c2a44-7be4-4a4e-9d3e-0d6c0b1f2a11", "vitrail-2026-11-25-04-30-39-857422"])
def test_the_ids_of_a_server_are_runs(tmp_path, run_id):
    assert Workspace(tmp_path, run_id).run_folder == tmp_path / run_id


def test_ids_are_distinct_and_in_the_order_of_their_time():
    ids = [new_run_id() for _ in range(200)]
    assert len(set(ids)) == 200
    assert ids == sorted(ids)


def call(tmp_path, monkeypatch, *arguments):
    """Takes a step by hand; returns what the step was given."""
    taken = []

    def run_step(step, **given):
        given["workspace"].begin(given["recipe"])
        taken.append(given)
        return Manifest

    class Manifest: ...

    monkeypatch.setattr("components.__main__.run_step", run_step)
    monkeypatch.setattr("components.__main__.encode", lambda manifest: {})
    main([*arguments, "--workspace", str(tmp_path)])
    return taken[0]["workspace"].run_id


@pytest.fixture
def step(tmp_path, monkeypatch):
    return lambda *arguments: call(tmp_path, monkeypatch, *arguments)


def test_the_first_step_begins_a_run_and_later_ones_go_on_in_the_last(step, tmp_path, capsys):
    first, second = step("checkout_corpus"), step("checkout_corpus")
    assert first != second
    assert f"run {second}\n" in capsys.readouterr().err
    assert step("publish_report") == second == last_run_by_hand(tmp_path)
    assert step("publish_report", "--run", first) == first
    assert step("checkout_corpus", "--run", first) == first


def test_a_run_of_the_pipeline_is_not_taken_for_one_by_hand(step, tmp_path):
    by_hand = step("checkout_corpus")
    (tmp_path / new_run_id()).mkdir()
    assert step("publish_report") == by_hand


@pytest.mark.parametrize("run_id", [*TYPED, "run-9"])
def test_a_run_that_is_not_there_is_one_line(step, tmp_path, run_id):
    before = set(tmp_path.parent.rglob("*"))
    with pytest.raises(SystemExit) as ended:
        step("checkout_corpus", "--run", run_id)
    assert "run=" in str(ended.value.code)
    assert set(tmp_path.parent.rglob("*")) == before


def test_without_a_run_by_hand_the_remedy_is_named(step):
    with pytest.raises(SystemExit) as ended:
        step("publish_report")
    assert "begin one with `vitrail step checkout_corpus`" in str(ended.value.code)
