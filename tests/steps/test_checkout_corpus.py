"""The first step refuses what no later step could use."""

import json
import shutil

import pytest

from vitrail.contracts.lineage import Lineage
from vitrail.errors import CorpusError
from vitrail.recipes import find_recipe
from vitrail.steps.checkout_corpus import STEP
from vitrail.steps.context import StepContext


def test_a_corpus_without_tasks_is_refused_before_anything_is_computed(mini_corpus, tmp_path):
    corpus = shutil.copytree(mini_corpus, tmp_path / "corpus")
    manifest = json.loads((corpus / "corpus.json").read_text())
    (corpus / "corpus.json").write_text(json.dumps(manifest | {"tasks": []}))
    context = StepContext(
        recipe=find_recipe("debug"),
        inputs={},
        arguments={"source": str(corpus), "repository": ".", "revision": ""},
        out=tmp_path / "out",
        work=tmp_path / "work",
        workspace=tmp_path,
        run_folder=tmp_path,
        lineage=Lineage(run_id="run"),
        pod=None,
    )
    with pytest.raises(CorpusError, match="has no task, and fine-tuning needs one"):
        STEP.function(context)
