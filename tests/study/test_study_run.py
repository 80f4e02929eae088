"""A real study on the mini corpus: killed, gone on with, and read again."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import filelock
import pytest

from builders.word_labels import write_word_labels
from vitrail.contracts.codec import encode, read, write
from vitrail.contracts.evaluation import EvaluationReport
from vitrail.contracts.labels import LabelSetManifest
from vitrail.contracts.lineage import Lineage
from vitrail.contracts.study import StudyReport
from vitrail.errors import ConfigError, StudyError
from vitrail.recipes import find_recipe
from vitrail.study import LabelFolder, StudyConfig, run_study
from vitrail.study.orders import Order, Training
from vitrail.training import ScheduleConfig, pretrain_job

SHORT = ScheduleConfig(num_steps=3, batch_size=16)


class KillWorker(threading.Thread):
    """Kills the workers of this process's study once a model is there."""

    def __init__(self, out: Path) -> None:
        super().__init__()
        self._out = out

    def run(self) -> None:
        deadline = time.monotonic() + 120
        while not list(self._out.glob("trainings/*/model")) and time.monotonic() < deadline:
            time.sleep(0.01)
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit() and _is_worker_of_this(folder):
                os.kill(int(folder.name), signal.SIGKILL)


def _is_worker_of_this(folder: Path) -> bool:
    try:
        command = (folder / "cmdline").read_text().split("\0")
        parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
    except OSError:
        return False
    return "vitrail.study.worker" in command and int(parent) == os.getpid()


@dataclasses.dataclass(frozen=True)
class Made:
    """A finished study, and what was there of it when its worker was killed."""

    arguments: dict
    interrupted: StudyReport
    report: StudyReport
    before: dict[Path, int]


def models_of(out):
    return {path: path.stat().st_mtime_ns for path in out.glob("trainings/*/model/model.json")}


@pytest.fixture(scope="module")
def made(mini_corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    labels = write_word_labels(folder / "labels", mini_corpus)
    config = StudyConfig(
        recipe="debug",
        target=str(mini_corpus),
        corpora=(str(mini_corpus),),
        labels=(),
        shares=(0.5,),
        num_seeds=2,
        pretrain=SHORT,
        finetune=SHORT,
        finetune_rates=(1e-3, 1e-2),
    )
    arguments = {
        "config": config,
        "out": folder / "out",
        "workspace": folder / "runs",
        "num_jobs": 1,
        "label_folders": [LabelFolder(name="words", folder=labels)],
    }
    killer = KillWorker(folder / "out")
    killer.start()
    interrupted = run_study(**arguments)
    killer.join()
    before = models_of(folder / "out")
    return Made(arguments=arguments, interrupted=interrupted, report=run_study(**arguments), before=before)


def test_a_killed_worker_costs_one_training(made):
    """The study goes on in a fresh process, and says which training is missing and why."""
    failures = [line for line in made.interrupted.unfinished if "ended by SIGKILL, for want of memory" in line]
    assert len(failures) == 1
    assert "worker-0.log, and start the study again" in failures[0]
    assert len(made.interrupted.arms) == 2  # the third has not every rate of the grid, so none is chosen for it
    assert len(made.before) >= 9  # it may have been killed between a model and its measuring


def test_a_killed_training_is_made_when_the_study_is_started_again(made):
    after = models_of(made.arguments["out"])
    assert made.before.items() <= after.items()
    # Seed 0: a backbone and three arms at two rates; seed 1: a backbone and three arms.
    assert len(after) == 1 + 3 * 2 + 1 + 3
    assert not list(made.arguments["out"].glob("trainings/*/work"))


def test_every_arm_is_measured_at_every_seed(made):
    assert [arm.way for arm in made.report.arms] == ["none", "longer", "words@emoji-mini"]
    for arm in made.report.arms:
        assert len(arm.by_seed) == 2
        assert arm.mean.value == pytest.approx(sum(arm.by_seed) / 2)
        assert arm.mean.low <= arm.mean.value <= arm.mean.high
        assert arm.flops_per_image > 0
    by_way = {arm.way: arm for arm in made.report.arms}
    assert by_way["longer"].images_seen == by_way["words@emoji-mini"].images_seen == 2 * by_way["none"].images_seen
    assert {(one.kind, one.arm, one.base) for one in made.report.comparisons} == {
        ("finetuning", "words@emoji-mini/vit/50%", "none/vit/50%"),
        ("compute", "words@emoji-mini/vit/50%", "longer/vit/50%"),
    }
    assert made.report.unfinished == ()


def test_rates_are_chosen_by_validation_alone(made):
    values = {
        read(EvaluationReport, path.parent).metric(made.report.metric).value
        for path in made.arguments["out"].glob("trainings/*/val/evaluation.json")
    }
    for arm in made.report.arms:
        assert len(arm.candidates) == 2
        assert {found.value for found in arm.candidates} <= values
        (chosen,) = (found for found in arm.candidates if found.is_chosen)
        assert chosen.value == max(found.value for found in arm.candidates)


def test_only_models_of_the_chosen_rates_see_the_test_split(made):
    assert len(list(made.arguments["out"].glob("trainings/*/val"))) == 3 * 2 + 3
    assert len(list(made.arguments["out"].glob("trainings/*/test"))) == 3 * 2


def test_a_finished_study_is_read_and_not_made_again(made, monkeypatch):
    monkeypatch.setattr("sys.executable", "/nowhere/python")  # no worker could start
    assert run_study(**made.arguments) == made.report


def test_fewer_seeds_are_taken_from_what_is_there(made, monkeypatch):
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    fewer = dataclasses.replace(made.arguments["config"], num_seeds=1)
    report = run_study(**{**made.arguments, "config": fewer})
    assert [arm.by_seed for arm in report.arms] == [arm.by_seed[:1] for arm in made.report.arms]


def test_without_time_there_is_no_result(made, tmp_path):
    config = dataclasses.replace(made.arguments["config"], minutes=1e-9)
    with pytest.raises(StudyError, match="the time was over before"):
        run_study(**{**made.arguments, "config": config, "out": tmp_path / "out"})


def test_after_the_time_what_is_there_is_taken(made, monkeypatch):
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    report = run_study(**{**made.arguments, "config": dataclasses.replace(made.arguments["config"], minutes=1e-9)})
    assert [arm.by_seed for arm in report.arms] == [arm.by_seed for arm in made.report.arms]


def test_a_worker_whose_launcher_was_gone_before_does_not_train(made, mini_corpus, tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (labels,) = made.arguments["label_folders"]
    job = pretrain_job(
        corpus=mini_corpus, labels=labels.folder, config=find_recipe("debug").pretrain, lineage=Lineage(run_id="test")
    )
    order = json.dumps(encode(Order(training=Training(folder=str(tmp_path / "training"), job=job))))
    worker = [sys.executable, "-m", "vitrail.study.worker", f"--launcher={gone.pid}"]
    ended = subprocess.run(worker, input=order + "\n", capture_output=True, text=True, timeout=300, check=False)
    assert "is not complete" in ended.stdout
    assert not (tmp_path / "training" / "model").exists()


def test_labels_of_another_corpus_are_refused(made, tmp_path):
    (own,) = made.arguments["label_folders"]
    manifest = dataclasses.replace(read(LabelSetManifest, own.folder), corpus_digest="0" * 64)
    write(tmp_path, manifest)
    with pytest.raises(StudyError, match=r"labels of none of the corpora to pretrain on \(emoji-mini\)"):
        run_study(**{**made.arguments, "label_folders": [LabelFolder(name="words", folder=tmp_path)]})


@pytest.mark.parametrize("name", ["words@emoji-mini", "words/vit", "", "two words"])
def test_names_that_arms_could_not_be_told_apart_by_are_refused(name):
    with pytest.raises(ConfigError, match=r"label set=.*letters, digits, dots, hyphens"):
        LabelFolder(name=name, folder=Path("labels"))


def test_two_studies_do_not_train_in_one_folder(made):
    with (
        filelock.FileLock(made.arguments["out"] / ".lock"),
        pytest.raises(StudyError, match="another study trains in"),
    ):
        run_study(**made.arguments)


def test_two_label_sets_of_one_name_are_refused(made):
    with pytest.raises(StudyError, match="words@emoji-mini; choose another name"):
        run_study(**{**made.arguments, "label_folders": 2 * made.arguments["label_folders"]})
