"""What CI does on main is what its comments say."""

import re

import pytest
import yaml

from builders import REPOSITORY
from vitrail.recipes import find_recipe

JOBS = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "ci.yml").read_text())["jobs"]


def named(step):
    return step.get("uses", step.get("run")).split("@")[0]


@pytest.mark.parametrize("job", JOBS)
def test_actions_are_pinned(job):
    used = [step["uses"] for step in JOBS[job]["steps"] if "uses" in step]
    assert used
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action) for action in used)


def test_the_champion_of_earlier_runs_is_there_to_be_gated_against():
    steps = {named(step): step for step in JOBS["retrain"]["steps"]}
    order = list(steps)
    assert order.index("actions/cache/restore") < order.index("make run") < order.index("actions/cache/save")
    restored, saved = steps["actions/cache/restore"]["with"], steps["actions/cache/save"]["with"]
    database = find_recipe("emoji").registry.database
    assert set(saved["path"].split()) == set(restored["path"].split()) == {str(database), "mlruns"}
    assert saved["key"] == restored["key"]  # of this run alone: a cache is never written twice
    assert "github.run_id" in saved["key"]
    assert saved["key"].startswith(restored["restore-keys"])
