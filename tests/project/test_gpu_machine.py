"""A machine that only trains and evaluates needs none of the tools that data, pipeline and endpoint are made with."""

import os
import subprocess
import sys

import pytest

from builders.training_jobs import pretrain_config, worker_environment, write_pretrain
from builders.word_labels import write_word_labels

ABSENT = ("bentoml", "daft", "feast", "great_expectations", "kfp", "kubeflow", "mlflow", "ray", "usearch", "webdataset")
WITHOUT = f"""
import sys

class Absent:
    def find_spec(name, path=None, target=None):
        if name.split(".")[0] in {ABSENT}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent)
"""
IMPORT_ALL = """
import importlib, pkgutil
for root in ("vitrail.training", "vitrail.evaluation", "vitrail.models"):
    package = importlib.import_module(root)
    for name in package.__all__:
        getattr(package, name)
    for module in pkgutil.walk_packages(package.__path__, root + "."):
        importlib.import_module(module.name)
        print(module.name)
"""
WORK = """
from vitrail.training.worker import main
sys.exit(main(sys.argv[1:]))
"""


def run_without(code, *arguments, **options):
    return subprocess.run(
        [sys.executable, "-c", WITHOUT + code, *arguments], capture_output=True, text=True, check=False, **options
    )


@pytest.mark.parametrize("name", ABSENT)
def test_the_tools_are_really_out_of_reach(name):
    assert "ModuleNotFoundError" in run_without(f"import {name}").stderr


def test_every_module_that_trains_or_evaluates_is_imported_without_them():
    done = run_without(IMPORT_ALL)
    assert done.returncode == 0, done.stderr
    assert {"vitrail.training.worker", "vitrail.evaluation.evaluate", "vitrail.models.store"} <= set(
        done.stdout.split()
    )


def test_a_worker_trains_without_them(mini_corpus, tmp_path):
    labels = write_word_labels(tmp_path / "labels", mini_corpus)
    work = write_pretrain(tmp_path / "work", mini_corpus, labels, pretrain_config())
    done = run_without(WORK, str(work / "job.json"), env=os.environ | worker_environment(rank=0, world_size=1))
    assert done.returncode == 0, done.stderr
    assert (work / "result" / "model.safetensors").exists()
